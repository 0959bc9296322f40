"""Receives what the relay sends to a signed webhook, twice, and has the reference library verify it.

The first attempt is answered 500, so that the second one shows what stays and what is made anew.
"""

import base64
import http.server
import json
import os
import pathlib
import queue
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PATIENCE = 60


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Receiver(http.server.BaseHTTPRequestHandler):
    requests = queue.Queue()
    answers = [500, 204]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.requests.put((headers, body))
        self.send_response(self.answers.pop(0) if self.answers else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def is_believed(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def public_address(log):
    """Where the relay listens is in the line that says that it runs."""
    for _ in range(PATIENCE * 10):
        found = re.search(r'castai-relay is running.*"public":"([^"]*)"', log.read_text())
        if found:
            return found.group(1)
        time.sleep(0.1)
    sys.exit("the relay does not run:\n" + log.read_text())


def check(holds, what):
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"ok: {what}")


def check_request(new, old, headers, body):
    check(is_believed(new, headers, body), "the library believes it by the new key")
    check(is_believed(old, headers, body), "and by the old one")
    check(not is_believed(new_secret(), headers, body), "and by no other")
    for at in (0, len(body) // 2, len(body) - 1):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        check(not is_believed(new, headers, changed), f"a changed byte {at} is refused")
    later = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}
    check(not is_believed(new, later, body), "another time is refused")
    check(not is_believed(new, {**headers, "webhook-id": headers["webhook-id"] + "x"}, body), "another id is refused")
    check(headers["idempotency-key"] == f'"{headers["webhook-id"]}"', "the idempotency key is the id in quotes")
    payload = json.loads(body)
    check(set(payload) == {"type", "timestamp", "data"}, "the payload has the three members and no other")


def run(relay, folder):
    new, old = new_secret(), new_secret()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = folder / "relay.yaml"
    config.write_text(f"""
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ memory: {{}} }}
targets:
  receiver:
    webhook:
      url: http://127.0.0.1:{server.server_port}/hooks
      sign: {{ standard_webhooks: [ {{ env: NEW_KEY }}, {{ env: OLD_KEY }} ] }}
default_targets: [receiver]
""")
    log = folder / "log"
    environment = {**os.environ, "NEW_KEY": new, "OLD_KEY": old}
    with log.open("w") as out:
        process = subprocess.Popen([relay, "serve", "--config", config], stdout=out, stderr=out, env=environment)
    try:
        event = json.dumps({"eventType": "node.added", "clusterName": "Zürich – 🔥", "data": {"nodeName": "n1"}})
        url = f"http://{public_address(log)}/castai/events"
        urllib.request.urlopen(urllib.request.Request(url, data=event.encode()), timeout=PATIENCE).read()
        first, again = (Receiver.requests.get(timeout=PATIENCE) for _ in range(2))
    finally:
        process.kill()
        process.wait()
    for headers, body in (first, again):
        check_request(new, old, headers, body)
    check(first[0]["webhook-id"] == again[0]["webhook-id"], "the second attempt has the id of the first")
    check(first[0]["webhook-timestamp"] != again[0]["webhook-timestamp"], "and a time of its own")
    said = log.read_text()
    check(not any(key in said for key in (new, old, new[6:], old[6:])), "the log holds no key")


with tempfile.TemporaryDirectory() as name:
    run(sys.argv[1], pathlib.Path(name))
