#!/usr/bin/env python3
"""Checks the licence of every crate (cargo metadata on standard input) against deny.toml."""
import json
import re
import sys
import tomllib

allowed = set(tomllib.load(open(sys.argv[1], "rb"))["licenses"]["allow"])
packages = [p for p in json.load(sys.stdin)["packages"] if p["source"]]


def holds(expression):
    """Whether an SPDX expression can be met with allowed licences alone."""
    text = expression.replace("/", " OR ")
    names = re.findall(r"[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?", text)
    for name in sorted(set(names) - {"AND", "OR"}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.+-]){re.escape(name)}(?![\w.+-])", str(name in allowed), text)
    return eval(text.replace("AND", "and").replace("OR", "or"))  # only True, False, and, or, ()


bad = [
    f"{p['name']} {p['version']}: {p['license'] or 'no licence named'}"
    for p in packages
    if not p["license"] or not holds(p["license"])
]
if bad:
    sys.exit("licences that deny.toml does not allow:\n" + "\n".join(bad))
print(f"deny: bans, sources and licences of {len(packages)} crates hold")
