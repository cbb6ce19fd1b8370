#!/usr/bin/env python3
"""Writes docs/performance.md from what the benches printed."""

import argparse
import json
import re
from pathlib import Path

ACTIONS = [("plan", "plan without changes"), ("apply", "apply"), ("destroy", "destroy")]
TITLES = {"loadrig": "loadrig", "terraform": "Terraform", "ansible": "Ansible `amazon.aws`"}


def figure(figures, tool, action, hosts):
    for one in figures:
        if (one["tool"], one["action"], one["hosts"]) == (tool, action, hosts):
            return one
    return None


def row(title, one, base, runs):
    """A line of a table; a single run has no spread."""
    if one is None:
        return f"| {title} | not measured |" + " |" * (4 if runs == 1 else 5) + "\n"
    ratio = "" if base is None or base is one else f"{one['wall'] / base['wall']:.1f} ×"
    spread = "" if runs == 1 else f" {one['wall_min']:.2f} to {one['wall_max']:.2f} |"
    return (f"| {title} | {one['wall']:.2f} |{spread} {ratio} "
            f"| {one['cpu']:.2f} | {one['memory']:.0f} | {one['calls']:.0f} |\n")


def head(runs):
    wall = ["wall s"] if runs == 1 else ["wall s (median)", "fastest to slowest"]
    columns = [*wall, "relative to loadrig", "CPU s", "memory MB", "API calls"]
    return "| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|\n"


def runs_in_words(runs):
    if runs == 1:
        return "Each figure is of a single run."
    return f"Each figure is the median of {runs} runs."


def compared(result):
    figures, runs, text = result["figures"], result["runs"], ""
    for hosts in sorted({one["hosts"] for one in figures if isinstance(one["hosts"], int)}):
        text += f"\n### {hosts} hosts\n"
        for action, title in ACTIONS:
            text += f"\n{title[0].upper()}{title[1:]}:\n\n{head(runs)}"
            base = figure(figures, "loadrig", action, hosts)
            for tool, name in TITLES.items():
                if tool in result["missing"]:
                    continue
                text += row(name, figure(figures, tool, action, hosts), base, runs)
    for tool, reason in result["missing"].items():
        text += f"\n{TITLES[tool]} was not measured: {reason}.\n"
    text += f"\n### The whole 50k size, loadrig alone\n\n{head(runs)}"
    for action, title in ACTIONS:
        text += row(title, figure(figures, "loadrig 50k", action, "50k"), None, runs)
    return text


def planner(log):
    """Divan's table: the median of each bench and size."""
    text, bench = "| | 10 | 100 | 500 | 1000 | 2000 instances |\n|---|---|---|---|---|---|\n", None
    rows = {}
    for line in log.splitlines():
        name = re.match(r"^[├╰]─ (\w+)", line)
        if name:
            bench = name[1]
        size = re.match(r"^[│ ]\s+[├╰]─ (\d+)\s+([\d.]+ \S+)\s+│ ([\d.]+ \S+)\s+│ ([\d.]+ \S+)", line)
        if size and bench:
            rows.setdefault(bench, []).append(size[4])
    for bench, medians in rows.items():
        text += f"| {bench.replace('_', ' ')} | " + " | ".join(medians) + " |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", required=True)
    parser.add_argument("--planner", required=True)
    parser.add_argument("--critical-path", required=True)
    parser.add_argument("--template", default=str(Path(__file__).with_name("performance.md")))
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    result = json.loads(Path(options.compare).read_text())
    versions = ", ".join(result["versions"].values())
    filled = Path(options.template).read_text()
    for key, value in {
        "AT": result["at"], "CORES": str(result["cores"]), "RUNS": runs_in_words(result["runs"]), "VERSIONS": versions,
        "COMPARED": compared(result), "PLANNER": planner(Path(options.planner).read_text()),
        "CRITICAL": Path(options.critical_path).read_text().strip(),
    }.items():
        filled = filled.replace(f"@{key}@", value)
    Path(options.out).write_text(filled)


if __name__ == "__main__":
    main()
