#!/usr/bin/python3
"""A receiver of what daemons post over HTTP: takes everything, and writes a line of JSON for each request, {"path", "type", "body"}, the body in base64.

    Acceptance/post_receiver.py ADDRESS PORT FILE
"""

import base64
import gzip
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def main():
    address, port, path = sys.argv[1:4]
    lock, file = threading.Lock(), open(path, "a", buffering=1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            with lock:
                file.write(json.dumps({"path": self.path, "type": self.headers["Content-Type"], "body": base64.b64encode(body).decode()}) + "\n")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True

    Server((address, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
