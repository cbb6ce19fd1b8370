#!/usr/bin/env python3
"""Measures the storm's clients beside other load drivers, all against the same null server.

Every driver runs alone, on one thread, with the same number of connections; what counts is
requests for each second of CPU time that it takes, so that the server on the same machine does
not matter. Prints one JSON object."""

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
USERS = 50


class NullServer:
    """The server, with as many threads as there are processors."""

    def __init__(self, bench, *stall):
        command = [bench, "null", "0", *map(str, stall)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = re.fullmatch(r"ready at port (\d+)\n", self.process.stdout.readline())
        if not ready:
            sys.exit(f"{' '.join(command)} did not start")
        self.url = f"http://127.0.0.1:{ready[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def started(command, **environment):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env={**os.environ, **environment})


def timed(command, **environment):
    """Output and CPU seconds of a program."""
    return ended(command, started(command, **environment))


def ended(command, process):
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    return output, used.ru_utime + used.ru_stime


def storm(bench, mode, url, *arguments, **environment):
    output, cpu = timed([bench, mode, url, *map(str, arguments)], **environment)
    return {**json.loads(output.strip().splitlines()[-1]), "cpu_s": cpu}


def sockets(bench, users):
    """So many users with an open websocket each; several drivers, each with a server of its own,
    where a process may not open that many files."""
    # A page opens six connections, which are closed 5 s later.
    at_once = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 7_000)
    drivers = -(-users // at_once)
    each = -(-users // drivers)
    with contextlib.ExitStack() as stack:
        running = []
        for number in range(drivers):
            null = stack.enter_context(NullServer(bench))
            command = [bench, "sockets", null.url, str(each), "150"]
            running.append((command, started(command, STORM_SOURCES=f"127.0.{number + 1}.1")))
        results = [json.loads(ended(command, process)[0].strip().splitlines()[-1])
                   for command, process in running]
    open_at_the_end = sum(one["websockets"] for one in results)
    if any(one["errors"] for one in results) or open_at_the_end != each * drivers:
        sys.exit(f"{open_at_the_end} websockets of {each * drivers} users were open: {results}")
    resident = sum(one["resident_kib"] for one in results)
    return {"drivers": drivers, "websockets": open_at_the_end, "resident_kib": resident,
            "bytes_per_user": resident * 1024 // open_at_the_end, "each": results}


def peer(name, calls, cpu, seconds):
    return {"driver": name, "calls": calls, "cpu_s": cpu, "seconds": seconds,
            "per_second": calls / seconds, "per_core_second": calls / cpu}


def locust(program, kind, url, seconds):
    command = [program, "-f", str(HERE / "locustfile.py"), "--headless", "-u", str(USERS),
               "-r", str(USERS), "-t", f"{seconds}s", "-H", url, "--json", "--loglevel", "ERROR"]
    output, cpu = timed(command, LOCUST_KIND=kind)
    # Warnings come after the figures.
    figures, _ = json.JSONDecoder().raw_decode(output[output.index("["):])
    calls = sum(one["num_requests"] for one in figures)
    return peer({"fast": "Locust FastHttpUser", "plain": "Locust HttpUser"}[kind],
                calls, cpu, seconds)


def wrk(url, seconds):
    command = ["wrk", "-t1", f"-c{USERS}", f"-d{seconds}s", f"{url}/api/v4/system/ping"]
    output, cpu = timed(command)
    calls = int(re.search(r"(\d+) requests in", output)[1])
    return peer("wrk", calls, cpu, seconds)


def goose(program, url, seconds):
    command = [program, "--host", url, "--users", str(USERS), "--increase-rate", str(USERS),
               "--run-time", f"{seconds}s", "--no-reset-metrics", "--no-telnet", "--quiet"]
    output, cpu = timed(command, TOKIO_WORKER_THREADS="1")
    found = re.search(r"GET \S+\s+\|\s+([\d,]+)", output)
    if not found:
        sys.exit(f"goose printed no requests:\n{output}")
    return peer("goose", int(found[1].replace(",", "")), cpu, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="the program storm_bench, optimised")
    parser.add_argument("--locust", help="Locust's program")
    parser.add_argument("--goose", help="the program of benches/driver/goose, optimised")
    parser.add_argument("--wrk", action="store_true")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--sockets", type=int, default=50_000)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    bench, seconds = options.bench, options.seconds
    result = {"at": time.strftime("%Y-%m-%d"), "users": USERS, "seconds": seconds,
              "processors": os.cpu_count(), "peers": []}
    with NullServer(bench) as null:
        own = storm(bench, "requests", null.url, USERS, seconds, STORM_THREADS="1")
        result["requests"] = own
        result["peers"].append(peer("storm", own["calls"], own["cpu_s"], seconds))
        if options.wrk:
            result["peers"].append(wrk(null.url, seconds))
        if options.goose:
            result["peers"].append(goose(options.goose, null.url, seconds))
        if options.locust:
            for kind in ["fast", "plain"]:
                result["peers"].append(locust(options.locust, kind, null.url, seconds))
        # On all processors, as a storm runs.
        full = storm(bench, "requests", null.url, USERS, seconds)
        result["full"] = full
        for share in [0.5, 0.9]:
            rate = full["per_second"] * share
            paced = storm(bench, "paced", null.url, 1000, seconds, rate)
            result[f"paced_{share}"] = {"rate": rate, **paced}
        result["logins"] = storm(bench, "logins", null.url, 20 * 300, 20)
    result["sockets"] = sockets(bench, options.sockets)
    # 1,000 calls a second for 20 s, of which the server holds those of one second up.
    with NullServer(bench, 6_000, 1_000) as null:
        time.sleep(0.5)
        result["stall"] = storm(bench, "paced", null.url, 2_000, 20, 1_000)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
