"""A lab as the acceptance runs see it: from outside, with the stock docker CLI, or apus in its place, and programs in the client's."""

import concurrent.futures
import contextlib
import functools
import http.client
import json
import os
import pty
import re
import select
import socket
import subprocess
import threading
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What Scripts/packages puts there serves where this machine has no docker command of its own.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + os.pathsep + os.path.join(TOP, ".build/tools")
# A program that ends at once when it is told to. One that is number one of its container and asks for no SIGTERM gets none, and is waited for ten seconds.
IDLE = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]
# For a service whose program would be waited for, where how it ends is not what is looked at.
QUICK = ["--stop-signal", "SIGKILL"]


class Failure(Exception):
    """What was wanted was not observed; says what was."""


class Broken(Failure):
    """It will not be observed either: there is nothing to wait for."""


class Skip(Exception):
    """What was wanted cannot be asked of the programs of this machine; says of which."""


def expect(condition, observed):
    if not condition:
        raise Failure(observed)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def text(self):
        return (self.out + self.err).strip()


def run(command, timeout=60, env=None, stdin=None):
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, env=env, input=stdin)
    except subprocess.TimeoutExpired as late:
        out, err = late.stdout or b"", late.stderr or b""
        return Result(-1, out.decode(errors="replace"), err.decode(errors="replace") + f"\n(no end within {timeout} s)")
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def run_on_terminal(command, timeout=60, env=None):
    """As `run`, with a terminal for all three streams, as `docker exec -it` wants it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    out, end = b"", time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                chunk = os.read(master, 65536)
            except OSError:  # EIO: the last one has closed the terminal.
                break
            if not chunk:
                break
            out += chunk
        text = out.decode(errors="replace").replace("\r\n", "\n")
        try:
            return Result(process.wait(timeout=max(0.1, end - time.monotonic())), text, "")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Result(-1, text, f"\n(no end within {timeout} s)")
    finally:
        os.close(master)


def poll(seconds, what, attempt):
    """Tries until `attempt` returns something true, often at first; its last failure is told when the time is over."""
    end, last, pause = time.monotonic() + seconds, "", 0.03
    while True:
        try:
            value = attempt()
            if value:
                return value
        except Broken:
            raise
        except Failure as failure:
            last = str(failure)
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s" + (f"; last: {last}" if last else ""))
        time.sleep(pause)
        pause = min(0.25, pause * 1.7)


class Daemon(http.client.HTTPConnection):
    """A node's API: a hundred times faster to ask than a program that asks it."""

    def __init__(self, node):
        super().__init__("node", timeout=20)
        self.node = node

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.node.docker_host.removeprefix("unix://"))


class Node:
    def __init__(self, cluster, entry):
        self.cluster = cluster
        self.name, self.role = entry["name"], entry["role"]
        self.address, self.docker_host = entry["address"], entry["docker_host"]
        self.addresses = entry["addresses"]
        self.pid = entry.get("pid")

    def docker(self, *arguments, timeout=60, check=True, tty=False, stdin=None, cli=None):
        env = dict(os.environ, DOCKER_HOST=self.docker_host, DOCKER_CLI_HINTS="false", LANG="C.UTF-8")
        env.pop("DOCKER_CONTEXT", None)
        env.pop("APUS_HOST", None)
        cli = cli or self.cluster.cli
        command = [cli, *arguments]
        result = run_on_terminal(command, timeout, env) if tty else run(command, timeout, env, stdin)
        with self.cluster.hearing:
            self.cluster.heard(self, arguments, result)
        if "unknown flag: --" in result.err and self.cluster.knows_its_flags and cli != self.cluster.apus \
                and self.cluster.docker_version() < (28, 0):
            major, minor = self.cluster.docker_version()
            raise Skip(f"docker {major}.{minor} here, which has no {re.search('unknown flag: (--[a-z-]+)', result.err)[1]}")
        if check:
            expect(result.code == 0, f"`{os.path.basename(cli)} {' '.join(arguments)}` on {self.name} ended with {result.code}: {result.text[-600:]}")
        return result

    @contextlib.contextmanager
    def beside(self, *arguments, timeout=60):
        """A command of the CLI while the body goes on: both must end well. `service create` watches for five seconds whether tasks keep running."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            self.cluster.under_way = command = pool.submit(self.docker, *arguments, timeout=timeout)
            try:
                yield
            finally:
                self.cluster.under_way = None
            command.result()

    def get(self, path, **filters):
        """What its API answers; for what is waited for, where it is not a command that is looked at."""
        if filters:
            path += ("&" if "?" in path else "?") + "filters=" + urllib.parse.quote(json.dumps({name: [value] for name, value in filters.items()}))
        connection = Daemon(self)
        try:
            connection.request("GET", "/v1.45" + path)
            reply = connection.getresponse()
            body = json.loads(reply.read() or "null")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failure(f"{path} on {self.name}: {error!r}") from error
        finally:
            connection.close()
        expect(reply.status == 200, f"{path} on {self.name}: {reply.status} {body}")
        return body

    def rows(self, *arguments, timeout=60):
        out = self.docker(*arguments, "--format", "{{json .}}", timeout=timeout).out
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def at(self, version):
        """Its address of IPv4 or IPv6: 4 or 6."""
        return of_version(self.addresses, version)

    def inspect(self, kind, name):
        return json.loads(self.docker(kind, "inspect", name).out)[0]

    def inside(self, *command, timeout=30):
        return self.cluster.inside(self.name, *command, timeout=timeout)

    def containers(self, service):
        """Ids of the running containers of a service's tasks on this node."""
        return [one["Id"] for one in self.get("/containers/json", label=f"com.docker.swarm.service.name={service}")]


class Cluster:
    def __init__(self, apus, name, cli="docker"):
        """`cli`: what `Node.docker` calls: the stock docker CLI, or a path of apus."""
        self.apus, self.name = apus, name
        self.cli = apus if cli == "apus" else cli
        self.knows_its_flags = True  # One that the CLI does not know is a newer one's, and no mistake that is meant.
        self.changing = threading.Lock()  # A lab refuses a change while another is made.
        self.hearing = threading.Lock()
        self.under_way = None  # A command that goes on beside others: see `Node.beside`.
        self.refresh()

    @functools.cache
    def docker_version(self):
        """Of the stock CLI, as in (28, 2)."""
        found = re.search(r"version (\d+)\.(\d+)", run(["docker", "--version"]).out)
        expect(found, "the stock docker CLI does not run")
        return int(found[1]), int(found[2])

    def refresh(self):
        result = run([self.apus, "lab", "status", self.name, "--format", "json"])
        expect(result.code == 0, f"`apus lab status {self.name}`: {result.text}")
        state = json.loads(result.out)
        self.nodes = [Node(self, entry) for entry in state["nodes"]]
        self.underlay, self.client_addresses = state["underlay"], state["client"]["addresses"]
        self.internet_addresses = state["internet"]["addresses"]
        self.client_address = state["client"]["address"]
        # By which the client and the nodes, and the nodes among each other, can talk: 4, 6.
        self.outside = [version(address) for address in self.client_addresses]
        self.among = [6] if self.underlay == "ipv6-inside" else self.outside
        self.manager = next(node for node in self.nodes if node.role == "manager")

    def seen(self, version):
        """The client's address of a version."""
        return of_version(self.client_addresses, version)

    def ways(self, node, network):
        """By which versions the client comes to what a network of a node publishes: those that both have."""
        subnets = [pool["Subnet"] for pool in node.inspect("network", network)["IPAM"]["Config"]]
        ways = [way for way in self.outside if any(version(subnet) == way for subnet in subnets)]
        expect(ways, f"{network} has {subnets}, and the client {self.client_addresses}: no way leads in")
        return ways

    def lab(self, *arguments, timeout=120):
        command, *rest = arguments
        with self.changing:
            result = run([self.apus, "lab", command, "--name", self.name, *rest], timeout)
        expect(result.code == 0, f"`apus lab {' '.join(arguments)}`: {result.text}")
        return result

    def heard(self, node, arguments, result):
        """Called after every command of the CLI: for those who keep account of what was asked for."""

    def enter(self, member):
        """Goes before a command in a member's namespaces: as `apus lab exec`, whose start takes longer than most of what is looked at in there."""
        names = {"net": "--net", "uts": "--uts", "mnt": "--mount"} if any(node.name == member for node in self.nodes) else {"net": "--net"}
        return ["nsenter", *(f"{option}=/run/apus-lab/{self.name}/namespaces/{name}/{member}" for name, option in names.items()), "--"]

    def inside(self, member, *command, timeout=30):
        return run([*self.enter(member), *command], timeout)

    def client(self, *command, timeout=30):
        return self.inside("client", *command, timeout=timeout)

    def get(self, url, timeout=5):
        """One request on one new connection, from the client."""
        result = self.client("curl", "-sS", "-i", "--max-time", str(timeout), url, timeout=timeout + 5)
        expect(result.code == 0, f"{url} from the client: {result.text[-200:]}")
        return result.out

    def pages(self, url, count, timeout=5):
        """So many requests, each on a new connection, from the client."""
        program = "i=0; while [ $i -lt $1 ]; do i=$((i+1)); curl -sS -i --max-time $2 \"$0\" || exit; printf '\\0'; done"
        result = self.client("sh", "-c", program, url, str(count), str(timeout), timeout=count * timeout + 5)
        expect(result.code == 0, f"{url} from the client: {result.text[-200:]}")
        return result.out.split("\0")[:-1]

    def running(self, service, count, seconds=120):
        """Waits until a service has so many running tasks; returns {node name: count}."""
        def attempt():
            if self.under_way and self.under_way.done() and self.under_way.exception():
                raise Broken(str(self.under_way.exception()))
            tasks = self.manager.get("/tasks", service=service)
            live = [task for task in tasks if task["Status"]["State"] == "running"]
            expect(len(live) == count, "; ".join(
                f"{task['ID']} on {task.get('NodeID') or 'no node'}: {task['Status']['State']} {task['Status'].get('Err', '')}" for task in tasks) or "no tasks")
            hosts = {node["ID"]: (node.get("Description") or {}).get("Hostname") for node in self.manager.get("/nodes")}
            places = {}
            for task in live:
                name = hosts.get(task["NodeID"]) or task["NodeID"]
                places[name] = places.get(name, 0) + 1
            return places
        return poll(seconds, f"{count} running tasks of {service}", attempt)

    def gone(self, *services, seconds=60):
        """Waits until no container of these services is left on any node."""
        label = "com.docker.swarm.service.name"

        def left(node):
            return any(one["Labels"][label] in services for one in node.get("/containers/json?all=1", label=label))
        poll(seconds, f"removal of {', '.join(services)}'s containers", lambda: not any(left(node) for node in self.nodes))

    def remove_service(self, *services):
        """Removes those of them that are there, and waits until none of their containers is left."""
        there = self.manager.docker("service", "ls", "--format", "{{.Name}}", check=False).out.split()
        found = [service for service in services if service in there]
        if found:
            self.manager.docker("service", "rm", *found)
        self.gone(*services)


def says(text, kind, name, words):
    """Whether a client tells that an object is missing: the daemon's words, or those that clients before version 23 put in their place."""
    return words in text or f"No such {kind}: {name}" in text


def registry():
    """Where the demo's registry listens, as this machine reaches it: ADDRESS:PORT."""
    return run([os.path.join(TOP, "Demo/registry"), "address"]).out.strip() or "127.0.0.1:5000"


def words(text):
    """Addresses and host names in a text, whole."""
    return set(re.findall(r"[0-9A-Za-z_.-]+", text)) | set(re.findall(r"[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*", text))


def version(address):
    """4 or 6, of an address or subnet."""
    return 6 if ":" in address else 4


def of_version(addresses, wanted):
    return next(address for address in addresses if version(address) == wanted)


def url(address, port, path=""):
    """RFC 3986: an address of IPv6 has brackets."""
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/{path}"
