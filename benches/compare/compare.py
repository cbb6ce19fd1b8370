#!/usr/bin/env python3
"""Side by side, in one run: the same rig planned, built and removed by loadrig, Terraform and
Ansible, each against an emulator of its own that answers at once.

Measures wall time, CPU time (user and system, child processes included), the largest resident
memory of any process, and the API calls that the emulator saw. Prints JSON; `report.py` makes
docs/performance.md of it. A tool that is not installed is left out, and the output says so.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
IMAGE = "ami-0aaaaaaaaaaaaaaa1"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUSNw2vJ1ZBVL1hGVmTXWWm2KCEFMwvV3b9nYZp0Vb1 bench"
IMAGES = [
    {
        "ami_id": IMAGE, "name": "debian-12-amd64-20250101-1978", "owner_id": "136693071363",
        "state": "available", "public": True,
        "image_location": "amazon/debian-12-amd64-20250101-1978", "image_type": "machine",
        "description": "Debian 12", "architecture": "x86_64", "virtualization_type": "hvm",
        "hypervisor": "xen", "root_device_type": "ebs", "root_device_name": "/dev/xvda",
        "sriov": "simple", "platform": None,
    }
]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIABENCHBENCHBENCH", "AWS_SECRET_ACCESS_KEY": "secret-of-the-bench"}


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Emulator:
    """A moto server with a log, gone when the block ends."""

    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)

    def __enter__(self):
        images = self.folder / "images.json"
        images.write_text(json.dumps(IMAGES))
        self.log = self.folder / "moto.log"
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            with open(self.log, "wb") as log:
                self.server = subprocess.Popen(
                    [self.program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log,
                    env={**os.environ, "MOTO_AMIS_PATH": str(images)})
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and self.server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    return self
                except OSError:
                    time.sleep(0.1)
        raise SystemExit("the emulator does not start: see " + str(self.log))

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def calls(self):
        return len(re.findall(rb'HTTP/1\.1"', self.log.read_bytes()))


def measured(emulator, command, cwd, env, ok=(0,)):
    """Runs a command; its figures. What it prints is shown only when it fails."""
    before = emulator.calls()
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **env}, stdout=output,
                                 stderr=output, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in ok:
            output.seek(0)
            sys.stderr.buffer.write(output.read()[-4000:])
            raise SystemExit(f"bench: {' '.join(command)} ended with {child.returncode}")
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
        "calls": emulator.calls() - before,
    }


def loadrig(options, emulator, folder, hosts):
    home = Path(folder) / "home"
    (home / "environments").mkdir(parents=True)
    (home / "environments/bench.yaml").write_text(f"""
architecture: 1k
access: {{ operators: [203.0.113.7/32] }}
{options.database_yaml}
sizes:
  nodes:
    app: {{ count: {hosts - 1} }}
    search-proxy: {{ count: 0 }}
    metrics: {{ count: 0 }}
    agent: {{ count: 0 }}
  search: {{ nodes: 0 }}
""")
    yield from driven(options, emulator, folder, home)


def fifty(options, emulator, folder, _hosts):
    """The whole 50k size, databases and search included: nobody but us has it."""
    home = Path(folder) / "home"
    (home / "environments").mkdir(parents=True)
    (home / "environments/bench.yaml").write_text(
        "architecture: 50k\naccess: { operators: [203.0.113.7/32] }\n")
    yield from driven(options, emulator, folder, home)


def driven(options, emulator, folder, home):
    env = {**KEYS, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
           "LOADRIG_API_RATE": options.api_rate, "BENCH_DSN": "postgres://u:p@db.example:5432/mm"}
    run = [options.loadrig, "--dir", str(home), "--endpoint-url", emulator.url, "--yes"]
    step = lambda *more, ok=(0,): measured(emulator, run + list(more), folder, env, ok)
    yield "apply", step("up", "bench", "--resources-only", "--skip-preflight")
    yield "plan", step("plan", "bench", "--detailed-exitcode")
    yield "destroy", step("down", "bench")


def warm(options, emulator):
    """The emulator loads each service at its first call: that is nobody's doing."""
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "warm.yaml"
        file.write_text("architecture: 50k\naccess: { operators: [203.0.113.7/32] }\n")
        subprocess.run([options.loadrig, "--endpoint-url", emulator.url, "plan", str(file)], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, **KEYS, "HOME": home})


def terraform(options, emulator, folder, hosts):
    config = Path(folder) / "terraformrc"
    config.write_text('provider_installation { filesystem_mirror { path = "%s" } }\n' % options.plugins)
    shutil.copy(HERE / "main.tf", folder)
    env = {"TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1",
           "TF_VAR_endpoint": emulator.url, "TF_VAR_hosts": str(hosts), "TF_VAR_database": "false",
           "TF_VAR_image": IMAGE, "TF_VAR_public_key": PUBLIC_KEY}
    step = lambda *more: measured(emulator, ["terraform", *more, "-no-color", "-input=false"], folder, env)
    step("init")
    yield "apply", step("apply", "-auto-approve")
    plan = measured(emulator, ["terraform", "plan", "-detailed-exitcode", "-no-color", "-input=false"],
                    folder, env)
    yield "plan", plan
    yield "destroy", step("destroy", "-auto-approve")


def ansible(options, emulator, folder, hosts):
    env = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_HOME": str(Path(folder) / "ansible"),
           "PATH": f"{Path(options.ansible).parent}:{os.environ['PATH']}"}
    run = [options.ansible, str(HERE / "play.yml"), "-i", "localhost,", "-e", f"endpoint={emulator.url}",
           "-e", f"host_count={hosts}", "-e", f"image={IMAGE}", "-e", json.dumps({"public_key": PUBLIC_KEY}),
           "-e", f"ansible_python_interpreter={Path(options.ansible).parent / 'python'}"]
    step = lambda wanted: measured(emulator, run + ["-e", f"wanted={wanted}"], folder, env)
    yield "apply", step("present")
    yield "plan", step("present")  # there is no plan: running it again is how it looks
    yield "destroy", step("absent")


TOOLS = {"loadrig": loadrig, "loadrig 50k": fifty, "terraform": terraform, "ansible": ansible}


def missing(tool, options):
    if tool == "terraform" and not (shutil.which("terraform") and Path(options.plugins).is_dir()):
        return "terraform and a mirror of its AWS provider (--plugins) are not installed"
    if tool == "ansible" and not (options.ansible and Path(options.ansible).exists()):
        return "ansible-playbook with amazon.aws is not installed (--ansible)"
    return None


def version(tool, options):
    command = {"loadrig": [options.loadrig, "--version"], "terraform": ["terraform", "version"],
               "ansible": [options.ansible, "--version"]}[tool]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loadrig", required=True)
    parser.add_argument("--moto", required=True)
    parser.add_argument("--plugins", default="/opt/tf-plugins", help="filesystem mirror of Terraform providers")
    parser.add_argument("--ansible", help="path of ansible-playbook")
    parser.add_argument("--tools", default="loadrig,terraform,ansible")
    parser.add_argument("--hosts", default="10,30")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--api-rate", default="unlimited")
    parser.add_argument("--database-yaml", default="database: { existing: { dsn_env: BENCH_DSN } }")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = {"at": time.strftime("%Y-%m-%d", time.gmtime()), "cores": os.cpu_count(), "runs": options.runs,
              "versions": {}, "missing": {}, "figures": []}
    tools = []
    for tool in options.tools.split(","):
        reason = missing(tool, options)
        if reason:
            say(f"{tool} is left out: {reason}")
            result["missing"][tool] = reason
        else:
            tools.append(tool)
            result["versions"][tool] = version(tool, options)
    rounds = [(int(hosts), tools) for hosts in options.hosts.split(",")]
    if "loadrig" in tools:
        rounds.append(("50k", ["loadrig 50k"]))
    for hosts, taking_turns in rounds:
        seen = {}
        # The tools take turns, so that a busy minute of the machine hits all of them.
        for run in range(options.runs):
            for tool in taking_turns:
                with tempfile.TemporaryDirectory() as folder, Emulator(options.moto, folder) as emulator:
                    warm(options, emulator)
                    for action, figures in TOOLS[tool](options, emulator, folder, hosts):
                        say(f"{tool} {action}, {hosts} hosts, run {run + 1}: {figures['wall']:.1f} s, "
                            f"{figures['calls']} calls")
                        seen.setdefault((tool, action), []).append(figures)
        for (tool, action), runs in seen.items():
            middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            spread = {"wall_min": min(run["wall"] for run in runs), "wall_max": max(run["wall"] for run in runs)}
            result["figures"].append({"tool": tool, "action": action, "hosts": hosts, **middle, **spread})
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
