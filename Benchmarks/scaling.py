"""How the cost of one more task or container grows with those that there are, on one node and on several."""

import concurrent.futures
import os
import statistics
import subprocess
import time

from api import Refused

SERVER = ["httpd", "-f", "-p", "80"]
TICKS = os.sysconf("SC_CLK_TCK")


def until(limit, what, attempt, pause=0.1):
    """Returns how long it took until `attempt` said yes."""
    start = time.monotonic()
    while not attempt():
        if time.monotonic() - start > limit:
            raise Refused(f"{what}: not within {limit} s")
        time.sleep(pause)
    return time.monotonic() - start


def cpu(pid):
    """Seconds of user and system time (proc(5)); nothing of a process that has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def machine():
    """Seconds that all processors of this machine were used for anything; guests are among users (proc(5))."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, interrupts, soft, stolen = (int(field) for field in file.readline().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / TICKS


def idle(pids, rest=15.0, seconds=60.0):
    """Shares of a core while nothing happens, from so long after now and for so long: of each group of processes, and of the whole machine (`""`)."""
    def used():
        return {"": machine(), **{name: sum(map(cpu, group)) for name, group in pids.items()}}
    time.sleep(rest)
    start, before = time.monotonic(), used()
    time.sleep(seconds)
    after, took = used(), time.monotonic() - start
    return {name: (after[name] - before[name]) / took for name in after}


def sent(pid, link="uplink"):
    """Bytes that the node of a process has sent on the network between the nodes."""
    with open(f"/proc/{pid}/net/dev") as file:
        lines = [line.split(":", 1) for line in file if ":" in line]
    return sum(int(figures.split()[8]) for name, figures in lines if name.strip() in (link, "eth0"))


class Growth:
    """More and more of the same on one engine, in steps."""

    def __init__(self, engine, image, step, last):
        self.engine, self.image, self.step, self.last = engine, image, step, last

    def service(self, limit=400, at_full=lambda count: None):
        """Seconds that each further step of a published service on an overlay takes, and how long its removal takes. `at_full` is called with their number when all tasks run."""
        ask = self.engine.ask
        ask("POST", "/networks/create", {"Name": "grow", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.20.0.0/16"}]}})
        spec = {
            "Name": "grow", "Mode": {"Replicated": {"Replicas": self.step}},
            "EndpointSpec": {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8090}]},
            "TaskTemplate": {"ContainerSpec": {"Image": self.image, "Command": SERVER, "StopGracePeriod": 0}, "Networks": [{"Target": "grow"}]},
        }
        steps = []
        start = time.monotonic()
        ask("POST", "/services/create", spec)
        try:
            for count in range(self.step, self.last + 1, self.step):
                if count > self.step:
                    start = time.monotonic()
                    self.scale(count)
                until(limit, f"{count} tasks", lambda: self.engine.running("grow") >= count)
                steps.append(time.monotonic() - start)
            at_full(len(steps) * self.step)
            start = time.monotonic()
            ask("DELETE", "/services/grow")
            until(limit, "the service's containers go", lambda: not ask("GET", "/containers/json"))
            return steps, time.monotonic() - start
        finally:
            if len(steps) * self.step < self.last:
                ask("DELETE", "/services/grow", accept=(200, 404))
            until(limit, "the network goes", lambda: ask("DELETE", "/networks/grow", accept=(204, 400, 403, 404, 409)) is None)

    def scale(self, count):
        found = self.engine.ask("GET", "/services/grow")
        spec = found["Spec"]
        spec["Mode"]["Replicated"]["Replicas"] = count
        self.engine.ask("POST", "/services/grow/update", spec, query={"version": found["Version"]["Index"]})

    def containers(self):
        """The same for containers of `docker run -d` with a published port on a bridge of their own, one after another; with their ids."""
        ask = self.engine.ask
        ask("POST", "/networks/create", {"Name": "grow", "IPAM": {"Config": [{"Subnet": "172.29.0.0/16"}]}})
        steps, made = [], []
        for count in range(self.step, self.last + 1, self.step):
            start = time.monotonic()
            while len(made) < count:
                body = {
                    "Image": self.image, "Cmd": SERVER, "StopSignal": "SIGKILL", "ExposedPorts": {"80/tcp": {}},
                    "HostConfig": {"NetworkMode": "grow", "PortBindings": {"80/tcp": [{"HostPort": ""}]}},
                }
                made.append(ask("POST", "/containers/create", body)["Id"])
                self.engine.start(made[-1])
            steps.append(time.monotonic() - start)
        return steps, made

    def removal(self, made):
        """Of all containers, as many at a time as the command-line client asks for; and of their network."""
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            list(pool.map(self.engine.remove, made))
        took = time.monotonic() - start
        self.engine.ask("DELETE", "/networks/grow")
        return took


def return_of(lab, name, node, engine, count):
    """A daemon is killed and comes back: how long until it lists its containers, and until all of them are adopted."""
    subprocess.run([*lab, "kill", "--name", name, node], check=True, capture_output=True)
    start = time.monotonic()
    subprocess.run([*lab, "restart", "--name", name, node], check=True, capture_output=True)
    def listed():
        try:
            return len(engine.ask("GET", "/containers/json", timeout=30)) == count
        except OSError:
            return False
    until(120, "the daemon lists its containers", listed, 0.02)
    answered = time.monotonic() - start
    # Whoever makes a network waits for what is being set up.
    engine.ask("POST", "/networks/create", {"Name": "after"}, timeout=240)
    engine.ask("DELETE", "/networks/after")
    return answered, time.monotonic() - start


class OneMore:
    """What one more task of a service costs every node, idle cost taken off."""

    def __init__(self, cluster, engine, image, rounds):
        self.cluster, self.engine, self.image, self.rounds = cluster, engine, image, rounds
        self.growth = Growth(engine, image, 0, 0)

    def measure(self, counts, window=6.0):
        """For each count of tasks: CPU seconds of a worker, of one that does not start the task, and of the manager; bytes that the manager sends a node."""
        ask = self.engine.ask
        ask("POST", "/networks/create", {"Name": "grow", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.20.0.0/16"}]}})
        self.growth.engine.ask("POST", "/services/create", {
            "Name": "grow", "Mode": {"Replicated": {"Replicas": 0}},
            "EndpointSpec": {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8090}]},
            "TaskTemplate": {"ContainerSpec": {"Image": self.image, "Command": SERVER, "StopGracePeriod": 0}, "Networks": [{"Target": "grow"}]},
        })
        for count in counts:
            self.until_running(count)
            time.sleep(12)
            idle = self.window(window, lambda: None)
            more = [self.window(window, lambda: self.until_running(count + number + 1)) for number in range(self.rounds)]
            yield count, *(sum(one[part] - idle[part] for one in more) / self.rounds for part in range(4))
        ask("DELETE", "/services/grow")
        until(240, "the service's containers go", lambda: not ask("GET", "/containers/json"))
        until(60, "the network goes", lambda: ask("DELETE", "/networks/grow", accept=(204, 400, 403, 404, 409)) is None)

    def until_running(self, count):
        self.growth.scale(count)
        # Whoever asks often has the manager work for that.
        until(400, f"{count} tasks", lambda: self.engine.running("grow") >= count, 0.5)

    def window(self, seconds, action):
        manager, *workers = self.cluster.nodes
        before = [cpu(node.pid) for node in self.cluster.nodes], sent(manager.pid)
        start = time.monotonic()
        action()
        time.sleep(max(0.0, seconds - (time.monotonic() - start)))
        used = [cpu(node.pid) - spent for node, spent in zip(self.cluster.nodes, before[0])]
        # One starts the task, if any of them does.
        return statistics.mean(used[1:]), statistics.median_low(used[1:]), used[0], (sent(manager.pid) - before[1]) / len(workers)
