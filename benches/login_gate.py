#!/usr/bin/env python3
"""Login storms against one node of the stand-in server, with and without the login gate.

Starts PostgreSQL, the stand-in and nginx with the configuration that loadrig renders for a proxy,
creates users, and offers logins open loop: so many each second, whatever becomes of the others. Prints
one JSON object for each storm. Needs nginx (or `--nginx`), PostgreSQL's server programs and root or a user of
its own.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SNAPSHOT = (
    pathlib.Path(__file__).parent.parent
    / "src/hosts/roles/snapshots/loadrig__hosts__roles__tests__proxy-configure.snap"
)
PASSWORD = "Passw0rd!23"
USERS = 60


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait(what, ready, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.1)
    sys.exit(f"{what} is not ready")


def post(port, path, body, token=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v4{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(answer.headers), json.load(answer)


class Rig:
    """PostgreSQL and one node."""

    def __init__(self, options):
        self.options = options
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="login-gate-"))
        self.root.chmod(0o755)
        self.processes = []
        bins = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not bins:
            sys.exit("not run: PostgreSQL's server is not installed")
        self.postgres_bin = bins[-1].parent
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}

    def start(self):
        data = self.root / "data"
        data.mkdir()
        if self.user:
            shutil.chown(data, "postgres", "postgres")
        subprocess.run(
            [self.postgres_bin / "initdb", "--no-sync", "--auth=trust", "--username=mmuser", "-D", data],
            check=True, stdout=subprocess.DEVNULL, cwd=data, **self.user,
        )
        self.database = free_port()
        self.spawn(
            [self.postgres_bin / "postgres", "-D", data, "-p", str(self.database), "-h", "127.0.0.1", "-k", "",
             "-F", "-c", "max_connections=60"], cwd=data, **self.user,
        )
        wait("PostgreSQL", lambda: self.listens(self.database))
        time.sleep(1)
        self.node = None
        self.restart_node()

    def restart_node(self):
        """A node without a queue: what an earlier storm left is gone."""
        if self.node:
            self.node.kill()
            self.node.wait()
            self.processes.remove(self.node)
        self.port = free_port()
        source = f"postgres://mmuser@127.0.0.1:{self.database}/postgres?sslmode=disable&connect_timeout=10"
        files = self.root / "files"
        files.mkdir(exist_ok=True)
        config = {
            "ServiceSettings": {"ListenAddress": f":{self.port}", "SiteURL": f"http://127.0.0.1:{self.port}"},
            "SqlSettings": {"DriverName": "postgres", "DataSource": source, "MaxOpenConns": 30},
            "FileSettings": {"DriverName": "local", "Directory": str(files)},
            "TeamSettings": {"EnableOpenServer": True, "EnableUserCreation": True},
            "MetricsSettings": {"Enable": False},
            "LogSettings": {"ConsoleLevel": "ERROR"},
        }
        path = self.root / "config.json"
        path.write_text(json.dumps(config))
        self.node = self.spawn([self.options.standin, "--config", path], cwd=self.root)
        wait("the stand-in", self.answers)

    def answers(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v4/system/ping", timeout=5).close()
            return True
        except (urllib.error.URLError, OSError):
            return False

    def spawn(self, command, **more):
        log = open(self.root / "log", "a")
        one = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, **more)
        self.processes.append(one)
        return one

    @staticmethod
    def listens(port):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == 0

    def create_users(self):
        for number in range(USERS):
            post(self.port, "/users", {
                "username": f"user{number}", "email": f"user{number}@example.com", "password": PASSWORD,
            })

    def hash_seconds(self):
        times = []
        for number in range(7):
            start = time.monotonic()
            post(self.port, "/users/login", {"login_id": f"user{number}", "password": PASSWORD})
            times.append(time.monotonic() - start)
        return statistics.median(times)

    def nginx(self, setting):
        """nginx with what loadrig renders for a proxy, at other ports, with one node and these limits.

        The text is that of the reviewed snapshot of a proxy's bundle.
        """
        home = pathlib.Path(tempfile.mkdtemp(prefix="nginx-", dir=self.root))
        home.chmod(0o755)
        found = SNAPSHOT.read_text().split(">>> /etc/nginx/conf.d/mattermost.conf\n")[1].split("\n--- ")[0]
        if setting:
            rate, burst, pause = setting
            found = re.sub(r"rate=\d+r/m;", f"rate={rate}r/m;", found)
            found = re.sub(r"zone=logins burst=\d+;", f"zone=logins burst={burst};", found)
            found = re.sub(r"Retry-After \d+", f"Retry-After {pause}", found)
        else:
            found = re.sub(r" *limit_req zone=[^\n]*\n", "", found)
        port, status = free_port(), free_port()
        found = re.sub(r"listen 80 reuseport default_server", f"listen 127.0.0.1:{port}", found)
        found = found.replace("127.0.0.1:8099", f"127.0.0.1:{status}")
        found = re.sub(r"(    server [0-9.]+:8065 max_fails=0;\n)+", f"    server 127.0.0.1:{self.port} max_fails=0;\n", found)
        found = found.replace("/var/cache/nginx", str(home / "cache"))
        found = found.replace("/var/log/nginx/logins.log", str(home / "logins.log"))
        found = re.sub(r" *access_log /var/log/nginx/access.log[^\n]*\n", "", found)
        conf = home / "nginx.conf"
        temporary = "".join(
            f"{what}_temp_path {home}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf.write_text(
            f"daemon off;\npid {home}/pid;\nerror_log {home}/error.log warn;\nworker_processes 2;\n"
            f"events {{ worker_connections 20000; }}\nhttp {{\naccess_log off;\n{temporary}\n{found}\n}}\n"
        )
        one = self.spawn([self.options.nginx, "-p", home, "-c", conf, "-e", home / "error.log"])
        wait("nginx", lambda: self.listens(port))
        return one, port

    def stop(self):
        for one in reversed(self.processes):
            one.send_signal(signal.SIGINT)
        for one in reversed(self.processes):
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
        shutil.rmtree(self.root, ignore_errors=True)


async def log_in(port, number):
    """The status of one attempt, and how long the server asks to wait."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        body = json.dumps({"login_id": f"user{number % USERS}", "password": PASSWORD})
        writer.write(
            f"POST /api/v4/users/login HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        pause = None
        while (line := await reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            if name.lower() == "retry-after":
                pause = float(value)
        return status, pause
    finally:
        writer.close()


async def storm(port, rate, count, patience, give_up):
    """Offers `count` logins at `rate` each second; a client comes back until it is in."""
    start = time.monotonic()
    inside, failed, refused = [], 0, 0

    async def client(number):
        nonlocal failed, refused
        await asyncio.sleep(number / rate)
        begun = time.monotonic()
        while time.monotonic() < start + give_up:
            pause = 1.0
            try:
                status, asked = await asyncio.wait_for(log_in(port, number), patience)
                if status == 200:
                    inside.append((time.monotonic() - begun, time.monotonic() - start))
                    return
                if status == 429:
                    refused += 1
                    pause = asked or 1.0
                else:
                    failed += 1
            except (asyncio.TimeoutError, OSError, IndexError, ValueError):
                failed += 1
            await asyncio.sleep(pause)

    await asyncio.gather(*(client(number) for number in range(count)))
    waits = sorted(wait for wait, _ in inside)
    at = lambda share: round(waits[min(len(waits) - 1, int(len(waits) * share))], 1) if waits else None
    elapsed = max((end for _, end in inside), default=0.0)
    begun = time.monotonic()
    try:
        status, _ = await asyncio.wait_for(log_in(port, 0), 60)
        after = round(time.monotonic() - begun, 1) if status == 200 else None
    except (asyncio.TimeoutError, OSError, IndexError, ValueError):
        after = None
    return {
        "offered_per_second": rate, "users": count, "patience": patience, "logged_in": len(inside),
        "seconds": round(elapsed, 1), "gave_up_after": give_up if len(inside) < count else None,
        "failed_attempts": failed, "refused": refused, "median": at(0.5), "p95": at(0.95), "next_login": after,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--standin", required=True, type=pathlib.Path)
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--users", type=int, default=240)
    options = parser.parse_args()
    options.standin = options.standin.resolve()
    rig = Rig(options)
    try:
        rig.start()
        rig.create_users()
        seconds = rig.hash_seconds()
        rate = round(0.95 / seconds, 2)
        print(json.dumps({"hash_seconds": round(seconds, 3), "gate_rate": rate}), flush=True)
        offered = round(2.25 / seconds, 1)
        for patience in (5, 10):
            # As src/spec/login_gate.rs computes them.
            limits = (int(rate * 60), int(rate * patience * 0.5), max(1, patience // 4))
            for name, setting in (("off", None), ("on", limits)):
                rig.restart_node()
                one, port = rig.nginx(setting)
                least = options.users / min(offered, 1 / seconds if name == "off" else rate)
                outcome = asyncio.run(storm(port, offered, options.users, patience, 4 * least))
                print(json.dumps({"gate": name, "least_seconds": round(least, 1), **outcome}), flush=True)
                one.terminate()
                one.wait()
                rig.processes.remove(one)
    finally:
        rig.stop()


if __name__ == "__main__":
    main()
