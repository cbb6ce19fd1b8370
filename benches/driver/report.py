#!/usr/bin/env python3
"""Writes the load driver's section of docs/performance.md from what driver.py printed, in place
of the former one. Ends with 1 if a target is missed."""

import argparse
import json
import sys
from pathlib import Path

HEADING = "## The load driver beside others"
TEMPLATE = HEADING + """

Measured on {at} on a machine with {processors} processors by `benches/driver/run.sh`, which `make bench` runs, too, and
which writes this section. Everything ran on that machine, against a server of our own that answers from memory
(`storm/examples/storm_bench`). The driver is built as it is for the agents of a rig, in the everyday profile.

| target | measured | |
|---|---|---|
{targets}
### Requests

{users} connections ask for `GET /api/v4/system/ping` again and again for {seconds} s over HTTP/1.1 with keep-alive. Each
driver runs alone and on one thread. What counts is requests for each second of CPU time that the driver takes: the
server shares the machine. `wrk` reads no more of an answer than its length and counts nothing by kind. k6 is not
among them, being under the AGPL, nor load-test-ng's agent, which drives nothing but a Mattermost server.{missing}

| | requests/s | CPU s | requests for each CPU second | storm, relative |
|---|---|---|---|---|
{peers}
On all processors: {full_rate:,} requests/s, {full_core:,} for each CPU second.

### Moments at which calls begin

1,000 users who call at a rate that is a share of what all processors reach. Start lag is the actual start less the
intended one; the runtime's timer has a resolution of 1 ms.

| load | rate/s | start lag p50 | p99 | p99.9 | driver's CPU |
|---|---|---|---|---|---|
{paced}
### Logins

{logins_users:,} users log in as the web client does, 300 each second, each with a websocket: {logins_core:,} logins and
{logins_calls:,} calls for each second of CPU time.

### Open websockets

{sockets:,} logged-in users with an open websocket each, nobody doing anything, HTTP connections closed{processes}:
{per_user:,} bytes of resident memory each ({resident:,} MiB in all); {per_gib:,} fit into 1 GiB. What the kernel
holds for a socket is not in it.

### A planted stall

1,000 calls a second for 20 s, of which the server holds those of one second up: all of those 1,000 wait, evenly spread
from 0 to 1 s, so that the 99.9th percentile of all is {expected:.3f} s. Measured from the intended start: {stall:.3f} s
({off:.1%} off).
"""
# What each peer is called in driver.py, and why it may be missing.
PEERS = {
    "wrk": "`wrk` (not on the PATH)",
    "goose": "goose (its packages could not be had)",
    "Locust FastHttpUser": "Locust (its packages could not be had)",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    result = json.loads(Path(options.driver).read_text())
    of_peer = {one["driver"]: one["per_core_second"] for one in result["peers"]}
    own = of_peer["storm"]
    sockets, stall, half = result["sockets"], result["stall"], result["paced_0.5"]
    # The longest thousandth of all calls is a share of the thousand that were held up.
    expected = 1 - stall["response"]["count"] / 1000 / 1000
    measured = stall["response"]["p99.9_ms"] / 1000
    off = abs(measured - expected) / expected
    rows = [("50,000 requests for each CPU second", f"{own:,.0f}", own >= 50_000)]
    for name, least in [("Locust HttpUser", 10), ("Locust FastHttpUser", 3), ("goose", 1.5)]:
        if name in of_peer:
            ratio = own / of_peer[name]
            rows.append((f"{least} × {name}", f"{ratio:.1f} ×", ratio >= least))
        else:
            rows.append((f"{least} × {name}", "not run", None))
    lag = half["start_lag"]["p99_ms"]
    rows.append(("99th percentile of the start lag below 5 ms at 50 % load", f"{lag:.2f} ms", lag < 5))
    per_user = sockets["bytes_per_user"]
    rows.append((f"{sockets['websockets']:,} users with open websockets at up to 8 KiB each",
                 f"{per_user / 1024:.1f} KiB", per_user <= 8192))
    rows.append(("a stall of 1 s shows in the 99.9th percentile within 1 %", f"{off:.1%} off", off <= 0.01))
    verdict = {True: "met", False: "**missed**", None: ""}
    targets = "".join(f"| {name} | {value} | {verdict[met]} |\n" for name, value, met in rows)
    peers = ""
    for one in result["peers"]:
        ratio = "" if one["driver"] == "storm" else f"{own / one['per_core_second']:.1f} ×"
        peers += (f"| {one['driver']} | {one['per_second']:,.0f} | {one['cpu_s']:.1f} "
                  f"| {one['per_core_second']:,.0f} | {ratio} |\n")
    paced = ""
    for share in ["0.5", "0.9"]:
        one = result[f"paced_{share}"]
        lag = one["start_lag"]
        paced += (f"| {float(share):.0%} | {one['rate']:,.0f} | {lag['p50_ms']:.2f} ms | {lag['p99_ms']:.2f} ms "
                  f"| {lag['p99.9_ms']:.2f} ms | {one['cpu_share']:.0%} |\n")
    missing = [why for name, why in PEERS.items() if name not in of_peer]
    missing = f" Not run: {', '.join(missing)}." if missing else ""
    processes = (f", in {sockets['drivers']} processes, since one may not open so many files here"
                 if sockets["drivers"] > 1 else "")
    logins = result["logins"]
    section = TEMPLATE.format(
        at=result["at"], processors=result["processors"], users=result["users"], targets=targets,
        seconds=result["seconds"], peers=peers, paced=paced, missing=missing, processes=processes,
        full_rate=round(result["full"]["per_second"]), full_core=round(result["full"]["per_core_second"]),
        logins_users=logins["users"]["offered"], logins_core=round(logins["logins_per_core_second"]),
        logins_calls=round(logins["calls_per_core_second"]), sockets=sockets["websockets"],
        per_user=per_user, resident=sockets["resident_kib"] // 1024,
        per_gib=(1 << 30) // max(1, per_user), expected=expected, stall=measured, off=off)
    page = Path(options.out)
    before = page.read_text().split(HEADING)[0].rstrip() if page.exists() else "# Performance"
    page.write_text(f"{before}\n\n{section}")
    if any(met is False for _, _, met in rows):
        sys.exit("bench: a target of the load driver is missed")


if __name__ == "__main__":
    main()
