"""The Engine API over a Unix socket, as both engines are asked: one connection a request, no CLI in between."""

import http.client
import json
import socket
import time
import urllib.parse

VERSION = "v1.41"


class Refused(Exception):
    """An answer that is none of the wanted ones."""


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("engine", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, path):
        self.path = path

    def ask(self, method, target, body=None, query=None, timeout=120, raw=None, accept=(200, 201, 204, 304)):
        connection = Connection(self.path, timeout)
        try:
            url = f"/{VERSION}{target}" + ("?" + urllib.parse.urlencode(query) if query else "")
            headers = {"Content-Type": "application/x-tar" if raw is not None else "application/json"}
            connection.request(method, url, raw if raw is not None else (json.dumps(body) if body is not None else None), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in accept:
                raise Refused(f"{method} {target}: {answer.status} {text[:300].decode(errors='replace')}")
            try:
                return json.loads(text) if text else None
            except ValueError:
                return text.decode(errors="replace")
        finally:
            connection.close()

    def pull(self, image):
        name, tag = image.split(":")
        told = self.ask("POST", "/images/create", query={"fromImage": name, "tag": tag}, timeout=300)
        if isinstance(told, str) and "errorDetail" in told:
            raise Refused(f"pulling {image}: {told[-300:]}")

    def create(self, image, command, network=None):
        body = {"Image": image, "Cmd": command, "StopSignal": "SIGKILL", "HostConfig": {"NetworkMode": network or "default"}}
        return self.ask("POST", "/containers/create", body)["Id"]

    def start(self, container):
        self.ask("POST", f"/containers/{container}/start")

    def processes(self):
        """{id: first process} of the containers that run."""
        return {one["Id"]: self.ask("GET", f"/containers/{one['Id']}/json")["State"]["Pid"] for one in self.ask("GET", "/containers/json")}

    def wait(self, container):
        return self.ask("POST", f"/containers/{container}/wait")["StatusCode"]

    def remove(self, container):
        self.ask("DELETE", f"/containers/{container}", query={"force": "1", "v": "1"})

    def execute(self, container, command):
        """Runs a command in a container to its end and returns its exit code."""
        made = self.ask("POST", f"/containers/{container}/exec", {"Cmd": command, "AttachStdout": True, "AttachStderr": True})["Id"]
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with stream:
            stream.settimeout(60)
            stream.connect(self.path)
            body = b'{"Detach":false,"Tty":false}'
            stream.sendall(
                f"POST /{VERSION}/exec/{made}/start HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
                f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            received = b""
            while piece := stream.recv(65536):
                received += piece
        if not received.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")):
            raise Refused(f"exec: {received[:200]!r}")
        return self.ask("GET", f"/exec/{made}/json")["ExitCode"]

    def service(self, name, image, command, replicas):
        self.ask("POST", "/services/create", {
            "Name": name, "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": {"Image": image, "Command": command, "StopSignal": "SIGKILL"}}})

    def running(self, service):
        """How many of its tasks run. As `service ls` counts them: to list the tasks themselves costs the engine more with each that there is."""
        wanted = json.dumps({"name": {service: True}})
        found = self.ask("GET", "/services", query={"status": "true", "filters": wanted})
        return sum(one["ServiceStatus"]["RunningTasks"] for one in found if one["Spec"]["Name"] == service)

    def remove_service(self, name):
        self.ask("DELETE", f"/services/{name}")
        wanted = json.dumps({"label": {f"com.docker.swarm.service.name={name}": True}})
        end = time.monotonic() + 180
        while self.ask("GET", "/containers/json", query={"all": "1", "filters": wanted}):
            if time.monotonic() > end:
                raise Refused(f"containers of {name} do not go")
            time.sleep(0.2)
