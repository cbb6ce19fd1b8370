#!/usr/bin/env python3
"""What the search proxy adds to a request, beside direct access and beside nginx as it was configured before.

The domain is an nginx with TLS that answers at once with 2 KB, so what is measured is the way there and
back. wrk offers requests with 4 connections for latency and with 32 for throughput; the three take
turns, the median of the rounds counts. Prints one JSON object for each. Needs nginx, wrk and openssl.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

NAME = "vpc-bench.us-east-1.es.amazonaws.com"
BODY = '{"query":{"match":{"message":"bench"}},"size":20}'


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Metadata(http.server.BaseHTTPRequestHandler):
    """The instance metadata service, version 2, as far as a role's credentials go."""

    def log_message(self, *_):
        pass

    def answer(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        self.answer("token")

    def do_GET(self):
        if self.path.rstrip("/").endswith(("security-credentials", "security-credentials-extended")):
            return self.answer("host-role")
        self.answer(json.dumps({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "AKIDBENCH", "SecretAccessKey": "secret",
            "Token": "token", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2036-01-01T00:00:00Z",
        }))


def certificates(root):
    run = lambda *words: subprocess.run(["openssl", *words], check=True, cwd=root, stderr=subprocess.DEVNULL)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=bench authority")
    run("req", *curve, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=bench")
    (root / "names").write_text(f"subjectAltName=DNS:{NAME},DNS:localhost\n")
    run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "certificate.pem", "-days", "2", "-extfile", "names")


def nginx_conf(root, domain, old):
    temporary = "".join(f"{w}_temp_path {root}/{w};" for w in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    body = "x" * 2048
    # The second server is what loadrig configured before it had a program of its own; the variable
    # stands for the name that was looked up again, and is why each request had a connection of its own.
    return f"""daemon off; pid {root}/pid; error_log {root}/error.log warn; worker_processes 1;
events {{ worker_connections 4000; }}
http {{ access_log off; {temporary} tcp_nodelay on; keepalive_requests 100000;
server {{ listen 127.0.0.1:{domain} ssl reuseport; ssl_certificate {root}/certificate.pem; ssl_certificate_key {root}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3; client_max_body_size 100M; default_type application/json;
  location / {{ return 200 '{body}'; }} }}
server {{ listen 127.0.0.1:{old} reuseport; client_max_body_size 100M; set $domain localhost; resolver 127.0.0.53;
  location / {{ proxy_pass https://$domain_address:{domain}; proxy_http_version 1.1; proxy_set_header Host {NAME};
    proxy_set_header Connection ""; proxy_ssl_server_name on; proxy_ssl_name {NAME}; proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {root}/ca.pem; proxy_ssl_protocols TLSv1.2 TLSv1.3; }}
  set $domain_address 127.0.0.1; }}
}}
"""


def wrk(options, url, connections, seconds, script):
    command = [options.wrk, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", script, url]
    text = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout

    def milliseconds(label):
        value, unit = re.search(rf"{label}\s+([0-9.]+)(us|ms|s)", text).groups()
        return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]

    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if failed:
        sys.exit(f"{url}: {failed.group(0)}")
    return {
        "median_ms": milliseconds("50%"), "p99_ms": milliseconds("99%"),
        "per_second": float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loadrig", required=True, type=pathlib.Path)
    parser.add_argument("--nginx", default="nginx")
    parser.add_argument("--wrk", default="wrk")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="search-proxy-"))
    processes = []
    log = open(root / "log", "w")
    try:
        certificates(root)
        domain, old, new, admin, imds = (free_port() for _ in range(5))
        (root / "nginx.conf").write_text(nginx_conf(root, domain, old))
        processes.append(subprocess.Popen([options.nginx, "-p", root, "-c", root / "nginx.conf", "-e", root / "error.log"], stdout=log, stderr=log))
        metadata = http.server.ThreadingHTTPServer(("127.0.0.1", imds), Metadata)
        threading.Thread(target=metadata.serve_forever, daemon=True).start()
        (root / "config.json").write_text(json.dumps({
            "listen": f"127.0.0.1:{new}", "admin": f"127.0.0.1:{admin}", "endpoint": f"https://localhost:{domain}",
            "region": "us-east-1", "largest_request": 100 << 20, "spooled_above": 1 << 20, "held_bytes": 1 << 30,
            "spool": str(root), "spooled_bytes": 5 << 30, "answer_seconds": 330, "passed_over_seconds": 0,
        }))
        environment = {
            **os.environ, "SSL_CERT_FILE": str(root / "ca.pem"),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{imds}",
        }
        processes.append(subprocess.Popen(
            [options.loadrig, "search-proxy", "--config", root / "config.json"], env=environment, stdout=log, stderr=log))
        script = root / "search.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = {json.dumps(BODY)}\nwrk.headers["Content-Type"] = "application/json"\n'
            f'wrk.headers["Host"] = "{NAME}"\nwrk.path = "/posts/_search"\n'
        )
        ways = {
            "direct": f"https://127.0.0.1:{domain}/posts/_search",
            "nginx, as before": f"http://127.0.0.1:{old}/posts/_search",
            "search proxy": f"http://127.0.0.1:{new}/posts/_search",
        }
        time.sleep(2)
        figures = {name: {4: [], 32: []} for name in ways}
        for name, url in ways.items():
            wrk(options, url, 4, 1, script)
        for _ in range(options.rounds):
            for connections in (4, 32):
                for name, url in ways.items():
                    figures[name][connections].append(wrk(options, url, connections, options.seconds, script))
        for name in ways:
            line = {"way": name}
            for connections, rounds in figures[name].items():
                for key in rounds[0]:
                    line[f"{key}_{connections}"] = round(statistics.median(one[key] for one in rounds), 3)
            print(json.dumps(line), flush=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"{error}\n{(root / 'log').read_text()}")
    finally:
        for one in processes:
            one.terminate()
        for one in processes:
            one.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
