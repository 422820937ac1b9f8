"""Requests to the dashboard by hand: HTTP/1.1, bytes over TLS, and frames of HTTP/2."""

import http.client
import json
import socket
import ssl
import struct
import urllib.parse

OWN = {"X-Apus": "1", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}


def trusting(*protocols):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Caller:
    def __init__(self, base, cookie=None):
        place = urllib.parse.urlsplit(base)
        self.host, self.port, self.cookie = place.hostname, place.port, cookie

    def ask(self, method, path, body=None, own=False, headers=(), timeout=40):
        """Status, headers, text."""
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=trusting())
        try:
            sent = dict(OWN if own else {}, **dict(headers))
            if self.cookie is not None:
                sent["Cookie"] = f"__Host-apus={self.cookie}"
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def json(self, path):
        return json.loads(self.ask("GET", path)[2])

    def try_password(self, name, password):
        return self.ask("POST", "/ui/v1/session", json.dumps({"name": name, "password": password}), own=True)

    def sign_in(self, name, password):
        status, headers, body = self.try_password(name, password)
        if status != 200:
            raise AssertionError(f"{name} is not let in: {status} {body}")
        self.cookie = headers["set-cookie"].split(";")[0].split("=", 1)[1]
        return self

    def connect(self, *protocols, timeout=20):
        plain = socket.create_connection((self.host, self.port), timeout)
        return trusting(*protocols).wrap_socket(plain, server_hostname=self.host)


def literal(name, value):
    """A header field that is in no table (RFC 7541, 6.2.2)."""
    def text(data):
        data = data.encode()
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest, out = len(data) - 127, b"\x7f"
        while rest >= 128:
            out, rest = out + bytes([rest % 128 + 128]), rest // 128
        return out + bytes([rest]) + data
    return b"\0" + text(name) + text(value)


class Frames:
    """A connection of HTTP/2, as far as asking goes."""

    def __init__(self, caller):
        self.caller, self.socket, self.next = caller, caller.connect("h2"), 1
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0, b""))
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", f"{caller.host}:{caller.port}")]
        self.fields = b"".join(literal(*field) for field in fields)
        self.cookie = literal("cookie", f"__Host-apus={caller.cookie}") if caller.cookie else b""

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def request(self, path):
        """The bytes of a request on a stream of its own, and that stream."""
        stream, self.next = self.next, self.next + 2
        return self.frame(1, 5, stream, self.fields + literal(":path", path) + self.cookie), stream

    def reset(self, stream):
        return self.frame(3, 0, stream, struct.pack(">I", 8))

    def read(self, seconds):
        """Frames until nothing comes for so long: {kind: number}; -1: it was closed."""
        self.socket.settimeout(seconds)
        data, counts = b"", {}
        try:
            while True:
                chunk = self.socket.recv(1 << 16)
                if not chunk:
                    counts[-1] = 1
                    break
                data += chunk
                while len(data) >= 9:
                    size = int.from_bytes(data[:3], "big")
                    if len(data) < 9 + size:
                        break
                    counts[data[3]] = counts.get(data[3], 0) + 1
                    data = data[9 + size:]
        except TimeoutError:
            pass
        except OSError:
            counts[-1] = 1
        return counts
