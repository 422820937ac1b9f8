#!/usr/bin/python3
"""Receivers of logs that share nothing with Apus: each writes what it takes as lines of JSON, {"text", "stream", …}, to a file.

    Acceptance/log_receivers.py KIND PORT FILE [--faults] [--raw] [--credentials]

KIND: fluentd, gelf-udp, gelf-tcp, http (OTLP, Elasticsearch, Splunk, Loki, CloudWatch Logs by their paths), syslog-udp, syslog-tcp, syslog-tls (with
FILE.pem), syslog-unix and syslog-unixgram (PORT is a path). With --faults each fourth request of HTTP is refused for a while, and each seventh document
of `_bulk`; fluentd drops the connection in front of each fourth acknowledgement. With --raw each line has the bytes that it came as, too. With
--credentials that of HTTP also answers where Amazon's containers ask for credentials, of whom there can be one in a node.
"""

import base64
import functools
import gzip
import hashlib
import hmac
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS, SECRET, TOKEN = "AKIDACCEPTANCE", "acceptance-secret", "acceptance-token"
lock = threading.Lock()


class Record:
    def __init__(self, path, raw=False):
        self.path, self.raw = path, raw
        self.file = open(path, "a", buffering=1)

    def put(self, text, stream, raw=b"", **more):
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if self.raw:
            more["raw"] = base64.b64encode(raw).decode()
        with lock:
            self.file.write(json.dumps({"text": text, "stream": stream, **more}) + "\n")


# fluentd's Forward protocol

def fluentd_entries(data):
    """Times and records, as bytes, of what a message is packed of."""
    import msgpack
    unpacker = msgpack.Unpacker(max_buffer_size=64 << 20)
    unpacker.feed(data)
    while unpacker.tell() < len(data):
        assert unpacker.read_array_header() == 2
        places = [unpacker.tell()]
        for _ in range(2):
            unpacker.skip()
            places.append(unpacker.tell())
        yield data[places[0]:places[1]], data[places[1]:places[2]]


def fluentd_message(data):
    """Of one message the tag, times and records as bytes, the options, and how many bytes it had."""
    import msgpack
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="replace", max_buffer_size=64 << 20)
    unpacker.feed(data)
    count = unpacker.read_array_header()
    tag, start = unpacker.unpack(), unpacker.tell()
    second, middle = unpacker.unpack(), unpacker.tell()
    if isinstance(second, bytes):
        options = unpacker.unpack() if count > 2 else {}
        entries = list(fluentd_entries(gzip.decompress(second) if options.get("compressed") == "gzip" else second))
        assert options.get("size", len(entries)) == len(entries), "size differs"
    else:
        unpacker.skip()
        entries = [(data[start:middle], data[middle:unpacker.tell()])]
        options = unpacker.unpack() if count > 3 else {}
    return tag, entries, options or {}, unpacker.tell()


def fluentd(port, record, faults):
    import msgpack
    acknowledged = [0]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            rest = b""
            while True:
                data = self.request.recv(65536)
                if not data:
                    return
                rest += data
                while rest:
                    try:
                        tag, entries, options, length = fluentd_message(rest)
                    except msgpack.OutOfData:
                        break
                    rest = rest[length:]
                    for time, packed in entries:
                        entry = msgpack.unpackb(packed, raw=False, unicode_errors="replace")
                        record.put(entry["log"], entry["source"], raw=packed, tag=tag, name=entry["container_name"], id=entry["container_id"],
                                   time=time.hex(), piece=entry.get("partial_ordinal"), last=entry.get("partial_last"))
                    if "chunk" in options:
                        acknowledged[0] += 1
                        if faults and acknowledged[0] % 4 == 0:
                            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            return
                        self.request.sendall(msgpack.packb({"ack": options["chunk"]}))

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler).serve_forever()


# GELF

def put_gelf(record, message, sizes=()):
    entry = json.loads(message)
    assert entry["version"] == "1.1" and entry["host"] and isinstance(entry["timestamp"], (int, float)), entry
    record.put(entry["short_message"], {6: "stdout", 3: "stderr"}[entry["level"]], tag=entry["_tag"], name=entry["_container_name"], id=entry["_container_id"],
               raw=message, sizes=list(sizes), piece=entry.get("_partial_ordinal"), last=entry.get("_partial_last"))


def gelf_udp(port, record, faults):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    receiver.bind(("127.0.0.1", port))
    chunks = {}
    while True:
        data = receiver.recv(65536)
        assert len(data) <= 1420, len(data)
        sizes = [len(data)]
        if data[:2] == b"\x1e\x0f":
            number, count = data[10], data[11]
            assert number < count <= 128
            parts = chunks.setdefault(data[2:10], {})
            parts[number] = data[12:]
            if len(parts) < count:
                continue
            del chunks[data[2:10]]
            sizes = [len(parts[number]) + 12 for number in range(count)]
            data = b"".join(parts[number] for number in range(count))
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        elif data[:1] == b"\x78":
            data = zlib.decompress(data)
        put_gelf(record, data, sizes)


def gelf_tcp(port, record, faults):
    reads = [0]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            rest = b""
            while True:
                data = self.request.recv(65536)
                if not data:
                    return
                reads[0] += 1
                if faults and reads[0] % 12 == 0:
                    # In the midst of what was sent: the rest of it is thrown away.
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                *messages, rest = (rest + data).split(b"\0")
                for message in messages:
                    put_gelf(record, message)

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler).serve_forever()


# Syslog

def put_syslog(record, frame):
    priority = int(frame[frame.index(b"<") + 1:frame.index(b">")])
    record.put(frame, {6: "stdout", 3: "stderr"}[priority & 7], raw=frame)


def syslog_stream(server, record):
    """Frames are counted (RFC 6587, 3.4.1) or end with a line's end."""
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            rest = b""
            while True:
                data = self.request.recv(65536)
                if not data:
                    return
                rest += data
                while rest:
                    counted = rest[:1].isdigit()
                    mark = rest.find(b" " if counted else b"\n")
                    length = mark + 1 + (int(rest[:mark]) if counted and mark > 0 else 0)
                    if mark < 0 or len(rest) < length:
                        break
                    frame, rest = rest[:length], rest[length:]
                    put_syslog(record, frame)

    server.RequestHandlerClass = Handler
    server.daemon_threads = True
    server.serve_forever()


def syslog_datagrams(receiver, record):
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    while True:
        put_syslog(record, receiver.recv(1 << 20))


def syslog_udp(port, record, faults):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", port))
    syslog_datagrams(receiver, record)


def syslog_unixgram(path, record, faults):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    syslog_datagrams(receiver, record)


def syslog_tcp(port, record, faults):
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    syslog_stream(socketserver.ThreadingTCPServer(("127.0.0.1", port), None), record)


def syslog_tls(port, record, faults):
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer(("127.0.0.1", port), None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(record.path + ".pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    syslog_stream(server, record)


def syslog_unix(path, record, faults):
    syslog_stream(socketserver.ThreadingUnixStreamServer(path, None), record)


# HTTP

def protobuf(data):
    """Fields of a message: [(number, int or bytes)]."""
    at, fields = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            fields.append((key >> 3, varint()))
        elif key & 7 == 1:
            fields.append((key >> 3, struct.unpack("<Q", data[at:at + 8])[0]))
            at += 8
        else:
            assert key & 7 == 2, key
            length = varint()
            assert at + length <= len(data)
            fields.append((key >> 3, data[at:at + length]))
            at += length
    return fields


def attributes(pairs):
    values = {}
    for pair in pairs:
        fields = dict(protobuf(pair))
        value = protobuf(fields[2])[0][1]
        values[fields[1].decode()] = value.decode() if isinstance(value, bytes) else value
    return values


class Signature:
    """Signature Version 4 of a request, computed from what arrived."""

    @staticmethod
    def check(handler, body):
        head = handler.headers["Authorization"]
        assert head.startswith("AWS4-HMAC-SHA256 "), head
        fields = dict(part.strip().split("=", 1) for part in head[len("AWS4-HMAC-SHA256 "):].split(","))
        access, day, region, service, end = fields["Credential"].split("/")
        assert (access, service, end) == (ACCESS, "logs", "aws4_request"), fields
        names = fields["SignedHeaders"].split(";")
        assert {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(names), names
        assert handler.headers["X-Amz-Security-Token"] == TOKEN
        canonical = "\n".join(["POST", handler.path, "", *(f"{name}:{' '.join(handler.headers[name].split())}" for name in names), "", fields["SignedHeaders"],
                               hashlib.sha256(body).hexdigest()])
        text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["X-Amz-Date"], f"{day}/{region}/logs/aws4_request", hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, "logs", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == fields["Signature"]


def http(port, record, faults, credentials=False):
    streams, documents, count, bulk, refused = {}, set(), [0], [0], []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, status, body=b"", **headers):
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_OPTIONS(self):
            self.answer(200)

        def do_GET(self):
            self.answer(200, {"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": TOKEN, "Expiration": "2099-01-01T00:00:00Z"})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                count[0] += 1
                refuses = faults and count[0] % 4 == 0
            if refuses:
                status = 503 if count[0] % 8 else 429
                return self.answer(status, b"busy", Retry_After="1")
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            path = self.path.split("?")[0]
            if self.headers["X-Amz-Target"]:
                self.cloudwatch(body)
            elif path == "/v1/logs":
                self.otlp(body)
            elif path == "/_bulk":
                self.bulk(body)
            elif path == "/services/collector/event/1.0":
                self.splunk(body)
            elif path == "/loki/api/v1/push":
                self.loki(body)
            else:
                self.answer(404)

        def otlp(self, body):
            assert self.headers["Content-Type"] == "application/x-protobuf"
            for number, resource_logs in protobuf(body):
                fields = protobuf(resource_logs)
                resource = attributes([value for key, value in protobuf(dict(fields)[1]) if key == 1])
                for key, scope_logs in fields:
                    if key != 2:
                        continue
                    for key, log in protobuf(scope_logs):
                        if key == 2:
                            entry = protobuf(log)
                            text = protobuf(dict(entry)[5])[0][1]
                            stream = attributes([value for key, value in entry if key == 6])["log.iostream"]
                            record.put(text, stream, tag=resource["tag"], name=resource["container.name"], id=resource["container.id"])
            self.answer(200)

        def bulk(self, body):
            lines = body.decode().splitlines()
            items, errors = [], False
            # What was refused before is wanted first, in its order.
            again, refused[:] = list(refused), []
            kept = [json.loads(action)["create"]["_id"] for action in lines[:2 * len(again):2]] == again
            for action, document in zip(lines[::2], lines[1::2]):
                create, document = json.loads(action)["create"], json.loads(document)
                bulk[0] += 1
                if faults and bulk[0] % 7 == 0:
                    refused.append(create["_id"])
                    items.append({"create": {"status": 429}})
                    errors = True
                elif create["_id"] in documents:
                    items.append({"create": {"status": 409}})
                    errors = True
                else:
                    documents.add(create["_id"])
                    items.append({"create": {"status": 201}})
                    record.put(document["message"], document["log"]["iostream"], tag=document["tag"], name=document["container"]["name"],
                               id=document["container"]["id"], time=document["@timestamp"], offset=document["log"]["offset"], kept=kept)
            self.answer(200, {"errors": errors, "items": items})

        def splunk(self, body):
            if self.headers["Authorization"] != "Splunk " + TOKEN:
                return self.answer(403, {"text": "Invalid token", "code": 4})
            text, decoder, at = body.decode(), json.JSONDecoder(), 0
            while at < len(text):
                start = at
                event, at = decoder.raw_decode(text, at)
                float(event["time"])
                while at < len(text) and text[at].isspace():
                    at += 1
                whole = event["event"]
                if isinstance(whole, str):
                    whole = {"line": whole, "source": ""}
                record.put(whole["line"] if isinstance(whole["line"], str) else json.dumps(whole["line"]), whole["source"], raw=text[start:at].encode(),
                           tag=whole.get("tag"))
            self.answer(200, {"text": "Success", "code": 0})

        def loki(self, body):
            for stream in json.loads(body)["streams"]:
                labels = stream["stream"]
                for _, line in stream["values"]:
                    record.put(line, labels["source"], name=labels["container_name"])
            self.answer(204)

        def cloudwatch(self, body):
            if not Signature.check(self, body):
                return self.answer(400, {"__type": "InvalidSignatureException", "message": "signature"})
            # Docker's client sends bytes that are no UTF-8 as they are.
            call, action = json.loads(body.decode(errors="replace")), self.headers["X-Amz-Target"].split(".")[1]
            group = streams.get(call["logGroupName"])
            if action == "CreateLogGroup":
                streams.setdefault(call["logGroupName"], set())
                return self.answer(200, {})
            if group is None:
                return self.answer(400, {"__type": "ResourceNotFoundException", "message": "The specified log group does not exist."})
            if action == "CreateLogStream":
                group.add(call["logStreamName"])
                return self.answer(200, {})
            if call["logStreamName"] not in group:
                return self.answer(400, {"__type": "ResourceNotFoundException", "message": "The specified log stream does not exist."})
            events = call["logEvents"]
            stamps = [event["timestamp"] for event in events]
            bytes_sent = sum(len(event["message"].encode()) + 26 for event in events)
            assert 0 < len(events) <= 10000 and bytes_sent <= 1048576, (len(events), bytes_sent)
            assert stamps == sorted(stamps) and stamps[-1] - stamps[0] <= 24 * 3600 * 1000
            for event in events:
                record.put(event["message"], "stdout", tag=call["logStreamName"], raw=event["message"].encode())
            self.answer(200, {"nextSequenceToken": str(count[0])})

    ThreadingHTTPServer.allow_reuse_address = True
    if credentials:
        # Where containers of Amazon's services ask for credentials, an address of this node for that time.
        threading.Thread(target=ThreadingHTTPServer(("169.254.170.2", 80), Handler).serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    kind, number, target = sys.argv[1:4]
    kinds = {"fluentd": fluentd, "gelf-udp": gelf_udp, "gelf-tcp": gelf_tcp, "syslog-udp": syslog_udp, "syslog-tcp": syslog_tcp, "syslog-tls": syslog_tls,
             "syslog-unix": syslog_unix, "syslog-unixgram": syslog_unixgram, "http": functools.partial(http, credentials="--credentials" in sys.argv)}
    kinds[kind](int(number) if number.isdigit() else number, Record(target, "--raw" in sys.argv), "--faults" in sys.argv)
