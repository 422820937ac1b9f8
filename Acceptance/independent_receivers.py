#!/usr/bin/env python3
"""Receivers of logs that others have made, of the packages that `Scripts/packages receivers` takes from PyPI; run by Acceptance/logdrivers.

    Acceptance/independent_receivers.py (moto | otel) PORT FILE

`moto` is moto's server of CloudWatch Logs: calls are its own to judge, what arrived is asked of it by botocore, and botocore computes the signature that each
request is to have. `otel` reads requests with OpenTelemetry's own message classes, which must know each field. FILE gets a line of JSON an entry.
"""

import gzip
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = os.path.join(HERE, "../.build/receivers")
sys.path[:0] = [PACKAGES, HERE]
sys.dont_write_bytecode = True
from log_receivers import ACCESS, SECRET, TOKEN, Record  # noqa: E402


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# CloudWatch Logs

class Credentials(Quiet):
    """Where containers of Amazon's services ask for credentials."""

    def do_GET(self):
        body = {"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": TOKEN, "Expiration": "2099-01-01T00:00:00Z"}
        self.answer(200, json.dumps(body).encode(), "application/json")


def signature(environ, body):
    """That a request is to have, and that it has."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Keys
    fields = dict(part.strip().split("=", 1) for part in environ["HTTP_AUTHORIZATION"].partition(" ")[2].split(","))
    region = fields["Credential"].split("/")[2]
    headers = {name: environ.get("HTTP_" + name.upper().replace("-", "_")) or environ[name.upper().replace("-", "_")] for name in fields["SignedHeaders"].split(";")}
    request = AWSRequest("POST", f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}", headers=headers, data=body)
    request.context["timestamp"] = environ["HTTP_X_AMZ_DATE"]
    request.context["payload"] = hashlib.sha256(body).hexdigest()
    auth = SigV4Auth(Keys(ACCESS, SECRET, TOKEN), "logs", region)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request), fields["Signature"]


def moto(port, record):
    import io

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server
    server = DomainDispatcherApplication(create_backend_app)
    regions = set()

    def signed(environ, start):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        wanted, found = signature(environ, body)
        if wanted != found:
            print("a request is signed otherwise than botocore does it", environ["HTTP_AUTHORIZATION"], file=sys.stderr, flush=True)
            start("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
            return [b'{"__type": "InvalidSignatureException", "message": "signature"}']
        regions.add(environ["HTTP_AUTHORIZATION"].split("/")[2])
        return server(environ, start)

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_):
            pass

    threading.Thread(target=ThreadingHTTPServer(("169.254.170.2", 80), Credentials).serve_forever, daemon=True).start()
    threading.Thread(target=make_server("127.0.0.1", port, signed, threaded=True, request_handler=Handler).serve_forever, daemon=True).start()
    follow(port, record, regions)


def follow(port, record, regions):
    """Asks for what has arrived, twice a second."""
    import botocore.session
    clients, seen = {}, set()
    while True:
        for region in list(regions):
            if region not in clients:
                clients[region] = botocore.session.Session().create_client(
                    "logs", region_name=region, endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET, aws_session_token=TOKEN)
            for group in clients[region].describe_log_groups()["logGroups"]:
                fresh = {}
                for page in clients[region].get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                    fresh |= {(region, int(event["eventId"])): event for event in page["events"]}
                # Their ids are in the order in which they came.
                for key in sorted(fresh.keys() - seen):
                    record.put(fresh[key]["message"], "stdout", id=fresh[key]["logStreamName"])
                seen |= fresh.keys()
        time.sleep(0.5)


# OpenTelemetry

def known(message):
    """Whether all of a message is of its schema."""
    from google.protobuf.unknown_fields import UnknownFieldSet
    if len(UnknownFieldSet(message)):
        return False
    parts = ((field, value if field.is_repeated else [value]) for field, value in message.ListFields() if field.message_type)
    return all(known(part) for _, several in parts for part in several)


def otel(port, record):
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

    def named(pairs):
        return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}

    class Handler(Quiet):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/logs" and self.headers["Content-Type"] == "application/x-protobuf", (self.path, self.headers["Content-Type"])
            request = ExportLogsServiceRequest.FromString(body)
            assert known(request), f"fields that OpenTelemetry does not know: {request}"[:600]
            for of_resource in request.resource_logs:
                resource = named(of_resource.resource.attributes)
                for of_scope in of_resource.scope_logs:
                    for one in of_scope.log_records:
                        assert abs(one.time_unix_nano / 1e9 - time.time()) < 3600, one.time_unix_nano
                        record.put(getattr(one.body, one.body.WhichOneof("value")), named(one.attributes)["log.iostream"],
                                   tag=resource["tag"], name=resource["container.name"], id=resource["container.id"])
            self.answer(200, ExportLogsServiceResponse().SerializeToString(), "application/x-protobuf")

    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    {"moto": moto, "otel": otel}[sys.argv[1]](int(sys.argv[2]), Record(sys.argv[3]))
