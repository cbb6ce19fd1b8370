#!/usr/bin/env python3
"""Writes docs/performance-driver.md from what driver.py printed."""

import argparse
import json
from pathlib import Path

TEMPLATE = """# Performance of the load driver

Measured on {at} on a machine with {processors} processors by `benches/driver/run.sh`, which writes this page.
Everything ran on that machine, against a server of our own that answers from memory
(`storm/examples/storm_bench`). The driver's program is optimised (`--release`).

## Requests

{users} connections ask for `GET /api/v4/system/ping` again and again for {seconds} s over HTTP/1.1 with keep-alive. Each
driver runs alone and on one thread. What counts is requests for each second of CPU time that the driver takes: the
server shares the machine. `wrk` reads no more of an answer than its length and counts nothing by kind.

| | requests/s | CPU s | requests for each CPU second | storm, relative |
|---|---|---|---|---|
{peers}
On all processors: {full_rate:,} requests/s, {full_core:,} for each CPU second.

## Moments at which calls begin

1,000 users who call at a rate that is a share of what all processors reach. Start lag is the actual start less the
intended one; the runtime's timer has a resolution of 1 ms.

| load | rate/s | start lag p50 | p99 | p99.9 | driver's CPU |
|---|---|---|---|---|---|
{paced}
## Logins

{logins_users:,} users log in as the web client does, 300 each second, each with a websocket: {logins_core:,} logins and
{logins_calls:,} calls for each second of CPU time.

## Open websockets

{sockets:,} logged-in users with an open websocket each, nobody doing anything, HTTP connections closed:
{per_user:,} bytes of resident memory each ({resident:,} MiB in all); {per_gib:,} fit into 1 GiB.

## A planted stall

1,000 calls a second for 20 s, of which the server holds those of one second up: all of those 1,000 wait, evenly spread
from 0 to 1 s, so that the 99.9th percentile of all is {expected:.3f} s. Measured from the intended start: {stall:.3f} s
({off:.1f} % off).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    result = json.loads(Path(options.driver).read_text())
    own = result["peers"][0]["per_core_second"]
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
    logins, sockets, stall = result["logins"], result["sockets"], result["stall"]
    count = stall["response"]["count"]
    # The longest thousandth of all calls is a share of the thousand that were held up.
    expected = 1 - count / 1000 / 1000
    measured = stall["response"]["p99.9_ms"] / 1000
    page = TEMPLATE.format(
        at=result["at"], processors=result["processors"], users=result["users"],
        seconds=result["seconds"], peers=peers, paced=paced,
        full_rate=round(result["full"]["per_second"]), full_core=round(result["full"]["per_core_second"]),
        logins_users=logins["users"]["offered"], logins_core=round(logins["logins_per_core_second"]),
        logins_calls=round(logins["calls_per_core_second"]), sockets=sockets["websockets"],
        per_user=sockets["bytes_per_user"], resident=sockets["resident_kib"] // 1024,
        per_gib=(1 << 30) // max(1, sockets["bytes_per_user"]), expected=expected, stall=measured,
        off=abs(measured - expected) / expected * 100)
    Path(options.out).write_text(page)


if __name__ == "__main__":
    main()
