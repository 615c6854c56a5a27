"""Receives mflow's webhooks, checks their signature, and prints each message once. Run it with Python 3.8 or later:

    WEBHOOK_SECRET=whsec_... python3 receiver.py 8080
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_SECONDS = 5 * 60

secret = os.environ.get("WEBHOOK_SECRET", "")
key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
seen = set()


def problem_of(message_id, timestamp, signatures, body):
    """Says why a request is not mflow's, or None when it is."""
    try:
        age = abs(time.time() - int(timestamp))
    except ValueError:
        return "the timestamp is no number"
    if age > TOLERANCE_SECONDS:
        return "the timestamp is too old or too new"
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # While a secret is rotated there are two signatures; one of them is by the secret that is known here.
    if any(hmac.compare_digest(each.encode(), expected.encode()) for each in signatures.split(" ")):
        return None
    return "the signature is wrong"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        message_id = self.headers.get("webhook-id", "")
        problem = problem_of(
            message_id,
            self.headers.get("webhook-timestamp", ""),
            self.headers.get("webhook-signature", ""),
            body,
        )
        if problem:
            self.send_response(401)
            self.end_headers()
            self.wfile.write(f"{problem}\n".encode())
            return
        # A message may come again, with the same id: what it says is done once.
        if message_id not in seen:
            seen.add(message_id)
            message = json.loads(body)
            # A test message of `mflow channel test` is about nothing.
            about = message.get("task") or message.get("run")
            print(f"{message['type']} {about['name']}" if about else "a test message", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
