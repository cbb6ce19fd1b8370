"""What a company has beside its chat server: a mail server (STARTTLS and an account, messages into a Maildir) and a
web server (push proxy, plugins), at one address. Takes a JSON file; ends with its parent's SIGTERM."""

import http.server
import json
import os
import ssl
import sys
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

config = json.load(open(sys.argv[1], encoding="utf-8"))
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(config["certificate"], config["key"])


def note(kind, **what):
    """One line of the log that the test reads."""
    with open(config["log"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"kind": kind, **what}) + "\n")


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address != config["mailbox"]:
            return "550 5.1.1 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        name = f"{time.time_ns()}.outside"
        new = os.path.join(config["maildir"], "new")
        written = os.path.join(config["maildir"], "tmp", name)
        with open(written, "wb") as message:
            message.write(envelope.original_content)
        os.chmod(written, 0o666)
        os.rename(written, os.path.join(new, name))
        login = session.auth_data and session.auth_data.login.decode()
        text = envelope.original_content.decode(errors="replace")
        note("mail", tls=session.ssl is not None, login=login, sender=envelope.mail_from, text=text)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == config["account"]
    note("login", mechanism=mechanism, known=known, tls=session.ssl is not None)
    # Not handled: the refusal is still to be said.
    return AuthResult(success=known, handled=known, auth_data=data)


class Web(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=config["web"])

    def log_message(self, *_):
        note("web", host=self.headers.get("Host"), line=getattr(self, "requestline", ""))


mail = Controller(
    Mailbox(),
    hostname=config["address"],
    port=config["smtp_port"],
    authenticator=authenticate,
    auth_required=True,
    auth_require_tls=True,
    tls_context=tls,
    require_starttls=True,
    ident="mail.corp.internal ESMTP",
)
mail.start()
web = http.server.ThreadingHTTPServer((config["address"], config["web_port"]), Web)
web.socket = tls.wrap_socket(web.socket, server_side=True)
threading.Thread(target=web.serve_forever, daemon=True).start()
note("ready")
threading.Event().wait()
