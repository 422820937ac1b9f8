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
import sys
import threading
import time
import traceback
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


LINE = 280  # characters of a line that says what came of a check: whoever lists the red ones takes no more


def short(text, most):
    """In one line. What does not fit is left out of the middle: the reason comes last."""
    text = " ".join(str(text).split())
    head = most // 3
    return text if len(text) <= most else f"{text[:head]} ... {text[head + 5 - most:]}"


def outcome(check, *given):
    """PASS and what a check has returned; or FAIL or SKIP, and why. Whatever it raises is its own outcome, and not the end of those that follow."""
    try:
        return "PASS", check(*given)
    except Skip as skip:
        return "SKIP", str(skip)
    except Failure as failure:
        return "FAIL", str(failure)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        # Where these programs were, not in what library that ended.
        own = [frame for frame in frames if os.path.dirname(os.path.abspath(frame.filename)) == os.path.join(TOP, "Acceptance")] or frames
        return "FAIL", f"an unexpected reply, at {', '.join(f'{os.path.basename(frame.filename)}:{frame.lineno}' for frame in own[-3:]) or '?'}: {error!r}"


def say(verdict, name, observed, began=None):
    """The line of a check; of a red one that is cut the whole follows."""
    start, end = f"{verdict} {name}: ", "" if began is None else f" [{time.monotonic() - began:.1f} s]"
    whole = " ".join(str(observed).split())
    fits = short(whole, max(140, LINE - len(start) - len(end))) if verdict == "FAIL" else whole
    # At once, as others may be beside it.
    print(start + fits + end + ("" if fits == whole else f"\n     in full: {whole}") + "\n", end="", flush=True)


def is_red(name, check, *given, clean=None):
    """Makes one check, and says in a line what came of it. `clean` removes what it has made, however it has ended; what is not gone then is a fault, too."""
    began = time.monotonic()
    verdict, observed = outcome(check, *given)
    if clean:
        left, words = outcome(clean)
        if left != "PASS":
            verdict, observed = "FAIL", f"{short(observed, 120)}; and what it has made is not gone: {words}"
    say(verdict, name, observed, began)
    return verdict == "FAIL"


def begun(make, *clears):
    """The lab, after what others may have left there was put right, and each of `clears` was called with it; `None`, and a line that says why, without."""
    def begin():
        cluster = make()
        cluster.mend()
        for clear in clears:
            clear(cluster)
        return cluster
    verdict, found = outcome(begin)
    if verdict == "PASS":
        return found
    say(verdict, "no lab", found)
    return None


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


def poll(seconds, what, attempt, every=0.25):
    """Tries until `attempt` returns something true, often at first; its last failure is told when the time is over. `every`: seconds between two tries,
    for those that take the processor themselves."""
    start, last, pause = time.monotonic(), "", every / 8
    while True:
        try:
            value = attempt()
            if value:
                return value
        except Broken:
            raise
        except Failure as failure:
            last = str(failure)
        took = time.monotonic() - start
        if took > seconds:
            raise Failure(f"{what}: not within {seconds} s" + (f"; last: {last}" if last else ""))
        time.sleep(pause)
        # What takes long is asked for less often: the asking takes the processor from what is waited for.
        pause = min(every if took < 5 else 2 * every, pause * 1.7)


def since(began, most):
    """The seconds since then, by the monotonic clock, which are not more than so many."""
    took = time.monotonic() - began
    expect(took <= most, f"found after {took:.0f} s, not within {most}")
    return took


class Daemon(http.client.HTTPConnection):
    """A node's API: a hundred times faster to ask than a program that asks it."""

    def __init__(self, node):
        super().__init__("node", timeout=20)
        self.node = node

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.node.docker_host.removeprefix("unix://"))


# Where the API has what `docker KIND inspect` prints.
INSPECTED = {"container": "/containers/{}/json", "network": "/networks/{}", "service": "/services/{}", "node": "/nodes/{}", "image": "/images/{}/json",
             "volume": "/volumes/{}"}


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
        for turn in range(5):
            result = run_on_terminal(command, timeout, env) if tty else run(command, timeout, env, stdin)
            # Somebody else has changed it since the CLI looked, such as a node that tells of itself: whoever reads that asks again.
            if "update out of sequence" not in result.text:
                break
            time.sleep(0.1 * (turn + 1))
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
            connection.request("GET", "/v1.50" + path)
            reply = connection.getresponse()
            body = json.loads(reply.read() or "null")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failure(f"{path} on {self.name}: {error!r}") from error
        finally:
            connection.close()
        expect(reply.status == 200, f"{path} on {self.name}: {reply.status} {body}")
        return body

    def post(self, path, body=None, timeout=20):
        """What its API answers to a call that makes or changes something, as many of them at once."""
        connection = Daemon(self)
        connection.timeout = timeout
        try:
            connection.request("POST", "/v1.50" + path, body and json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = json.loads(reply.read() or "null")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failure(f"{path} on {self.name}: {error!r}") from error
        finally:
            connection.close()
        expect(reply.status < 300, f"{path} on {self.name}: {reply.status} {answer}")
        return answer

    def rows(self, *arguments, timeout=60):
        out = self.docker(*arguments, "--format", "{{json .}}", timeout=timeout).out
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def at(self, version):
        """Its address of IPv4 or IPv6: 4 or 6."""
        return of_version(self.addresses, version)

    def inspect(self, kind, name):
        """What `docker KIND inspect` prints: by the command where it is the command that is looked at."""
        if self.cluster.inspects_by_command:
            return json.loads(self.docker(kind, "inspect", name).out)[0]
        return self.get(INSPECTED[kind].format(urllib.parse.quote(name, safe="/:@")))

    def lists(self, network):
        """Whether it has a network of that name."""
        return any(one["Name"] == network for one in self.get("/networks"))

    def page(self, path="/metrics"):
        """A page of its metrics: {name with labels: value}."""
        connection = Daemon(self)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            text = reply.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{path} on {self.name}: {error!r}") from error
        finally:
            connection.close()
        expect(reply.status == 200, f"{path} on {self.name}: {reply.status} {text[-200:]}")
        return metrics(text)

    def inside(self, *command, timeout=30):
        return self.cluster.inside(self.name, *command, timeout=timeout)

    def containers(self, service):
        """Ids of the running containers of a service's tasks on this node."""
        return [one["Id"] for one in self.get("/containers/json", label=f"com.docker.swarm.service.name={service}")]


def metrics(text):
    """{name with labels: value} of a page in Prometheus' format."""
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0]: float(row[1]) for row in rows if len(row) == 2}


class Cluster:
    inspects_by_command = False  # What `Node.inspect` asks is the API otherwise, which takes a hundredth of the time.

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

    def mend(self):
        """Puts right what an earlier check may have left: daemons that do not run, nodes that take no tasks, ports that nobody leads."""
        for node in self.nodes:
            connection = Daemon(node)
            try:
                connection.connect()
            except (ConnectionRefusedError, FileNotFoundError):
                self.lab("restart", node.name)
                self.refresh()
            finally:
                connection.close()
        def named():
            """{name: node}; of two by one name, as a node leaves one behind that has joined anew, the one that is there."""
            nodes = sorted(self.manager.get("/nodes"), key=lambda one: one["Status"]["State"] == "ready")
            found = {(one.get("Description") or {}).get("Hostname"): one for one in nodes}
            expect(None not in found, "one has joined, and not yet told its name")
            return found
        known = poll(60, "the nodes", named)
        for node in self.nodes:
            one = known.get(node.name)
            if one is None:
                self.rejoin(node)
            elif one["Spec"]["Availability"] != "active":
                self.manager.docker("node", "update", "--availability", "active", one["ID"])
            if one and node.role == "worker" and one["Spec"]["Role"] == "manager":
                self.manager.docker("node", "demote", one["ID"])
        if not any(network.get("Ingress") for network in self.manager.get("/networks")):
            self.make_ingress("ingress")

    def rejoin(self, node):
        """Has a node that was removed from the swarm join again as a worker, under another id."""
        token = self.manager.docker("swarm", "join-token", "-q", "worker").out.strip()

        def attempt():
            node.docker("swarm", "leave", "--force", check=False, timeout=90)
            # Where it has joined before, and was not told so in time.
            for one in self.manager.get("/nodes"):
                if (one.get("Description") or {}).get("Hostname") == node.name:
                    self.manager.docker("node", "rm", "--force", one["ID"], check=False)
            joined = node.docker("swarm", "join", "--token", token, "--advertise-addr", node.address, f"{self.manager.address}:2377", check=False, timeout=90)
            expect(joined.code == 0, joined.text[-300:])
            return True
        poll(60, f"{node.name} joins anew", attempt)
        self.ready()

    def make_ingress(self, name, *options, check=True):
        """`docker network create --ingress`; with the numbers of a new swarm where none are asked for."""
        create = ["network", "create", "--driver", "overlay", "--ingress"]
        if not options and self.manager.docker(*create, "--subnet", "240.255.0.0/16", name, check=False).code == 0:
            return None
        return self.manager.docker(*create, *options, name, check=check)

    def ready(self, seconds=60, node=None):
        """Waits until all nodes are ready, as a manager says; returns {node id: name}."""
        def attempt():
            nodes = (node or self.manager).get("/nodes")
            names = {one["ID"]: (one.get("Description") or {}).get("Hostname") for one in nodes}
            states = {names[one["ID"]]: one["Status"]["State"] for one in nodes}
            expect(len(nodes) == len(self.nodes) and set(states.values()) == {"ready"}, f"nodes are {states}")
            return names
        return poll(seconds, "all nodes ready", attempt)

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

    def start(self, member, *command, **streams):
        """A program in a member's namespaces that goes on beside us."""
        return subprocess.Popen([*self.enter(member), *command], **streams)

    def load(self, *urls):
        """Requests from the client on new connections, to the URLs in turn; what is returned ends them and says what has become of them."""
        child = self.start(
            "client", sys.executable, os.path.join(TOP, "Acceptance/load"), *urls, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def result():
            try:
                out = child.communicate("", timeout=30)[0]
            except subprocess.TimeoutExpired:
                child.kill()
                out = child.communicate()[0]
            expect(child.returncode == 0 and out.strip(), f"Acceptance/load ended with {child.returncode}: {out[-300:]}")
            return json.loads(out.splitlines()[-1])
        return result

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

    def gone(self, *services, seconds=120):
        """Waits until no container of these services is left on any node."""
        label = "com.docker.swarm.service.name"

        def left(node):
            return any(one["Labels"][label] in services for one in node.get("/containers/json?all=1", label=label))
        poll(seconds, f"removal of {', '.join(services)}'s containers", lambda: not any(left(node) for node in self.nodes))

    def services(self, start=""):
        """Names of the services that begin so."""
        return [name for name in (one["Spec"]["Name"] for one in self.manager.get("/services")) if name.startswith(start)]

    def remove_service(self, *services):
        """Removes those of them that are there, and waits until none of their containers is left."""
        there = poll(60, "the services", lambda: [self.services()])[0]
        found = [service for service in services if service in there]
        if found:
            self.manager.docker("service", "rm", *found)
        self.gone(*services)

    def remove_network(self, *names, node=None, seconds=60):
        """Removes those of them that are there. One whose last task has just ended is in use until that task's node has told so."""
        node = node or self.manager

        def attempt():
            there = {one["Name"] for one in node.get("/networks")}
            left = [name for name in names if name in there]
            if left:
                # Asked whether it is meant, of the ingress network.
                result = node.docker("network", "rm", *left, check=False, stdin=b"y\n")
                expect(result.code == 0, result.text)
            return True
        if names:
            poll(seconds, f"removal of {', '.join(names)}", attempt)

    def remove_networks(self, start):
        """Those of the swarm and of every node whose name begins so."""
        for node in [self.manager, *self.nodes]:
            scopes = ("swarm", "local") if node is self.manager else ("local",)
            self.remove_network(*(one["Name"] for one in node.get("/networks") if one["Name"].startswith(start) and one["Scope"] in scopes), node=node)

    def remove_containers(self, start):
        """Those of every node whose name begins so, but for tasks'."""
        for node in self.nodes:
            found = [one["Id"] for one in node.get("/containers/json?all=1") if any(name.startswith("/" + start) for name in one["Names"])
                     and "com.docker.swarm.task.id" not in (one.get("Labels") or {})]
            if found:
                node.docker("rm", "-fv", *found, timeout=120)


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
