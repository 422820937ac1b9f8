"""An encrypted overlay between two nodes of a lab, beside the same in clear, and beside `wireguard-go` between two namespaces of its own."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Acceptance"))
from api import Refused  # noqa: E402
from cluster import expect, poll, run  # noqa: E402
from logs import processor_seconds  # noqa: E402
from onlab import OnLab  # noqa: E402
from peer import fetch  # noqa: E402
from proc import link  # noqa: E402

PORT, DATAGRAM = 5201, 64
CLEAR, ENCRYPTED = "bench-clear", "bench-encrypted"
CALLER, CALLEE = "bench-caller", "bench-callee"
PACKAGES = ["wireguard-go", "wireguard-tools"]
TUNNEL, TUNNEL_PORT, TUNNEL_MTU = "wg0", 51820, 1420
# As root sees it in a mount namespace of its own: `wireguard-go` has its socket below /var/run, where nothing of this machine's is touched so.
HOLD = 'mount -t tmpfs tmpfs "$(readlink -f /var/run)" && exec sleep 1000000'
TRIES = 3


class Way:
    """From one network to an address in another. `caller` and `callee` are the words that lead into them; `pids`: the processes that encrypt."""

    def __init__(self, caller, callee, address, pids=()):
        self.caller, self.callee, self.address, self.pids = caller, callee, address, pids

    def call(self, seconds, *options):
        """What iperf3 says at its end. Its control connection has to pass beside a flood: what fails is tried again."""
        for turn in range(TRIES):
            result = run([*self.caller, "iperf3", "-J", "-c", self.address, "-p", str(PORT), "-t", str(seconds), *options], 60 + seconds)
            if result.code == 0:
                return json.loads(result.out)["end"]
            if turn < TRIES - 1:
                time.sleep(2)
        raise Refused(f"iperf3 {' '.join(options)} to {self.address}: {result.text[-300:]}")

    def gigabits(self, streams, seconds):
        """Of TCP a second, of so many streams together, as the other side has received them."""
        return self.call(seconds, "-O", "0.3", "-P", str(streams))["sum_received"]["bits_per_second"] / 1e9

    def datagrams(self, seconds):
        """Thousands of small datagrams a second that the program at the other end has read, while as many are sent as can be. The kernel's account of
        its namespace counts: iperf3 knows of what is missing between two that have arrived, and not of what is missing at the end."""
        before = self.received()
        self.call(seconds, "-u", "-l", str(DATAGRAM), "-b", "0")
        return (self.received() - before) / seconds / 1000

    def received(self):
        result = run([*self.callee, "cat", "/proc/net/snmp"])
        rows = [line.split() for line in result.out.splitlines() if line.startswith("Udp:")]
        expect(result.code == 0 and len(rows) == 2, f"/proc/net/snmp: {result.text[-200:]}")
        return int(rows[1][rows[0].index("InDatagrams")])

    def seconds_a_gibibyte(self, seconds):
        """Processor time of the processes that encrypt, at both ends, for each GiB of one stream."""
        before = processor_seconds(self.pids)
        received = self.call(seconds)["sum_received"]["bytes"]
        expect(received > 0, f"nothing was received from {self.address}")
        return (processor_seconds(self.pids) - before) * (1 << 30) / received

    def ready(self):
        return run([*self.caller, "iperf3", "-J", "-c", self.address, "-p", str(PORT), "-n", "1M"], 10).code == 0


class Servers:
    """Programs that go on until the end."""

    def __init__(self):
        self.processes = []

    def start(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **{"stderr": subprocess.DEVNULL, **options})
        self.processes.append(process)
        return process

    def end(self):
        # The last first: who holds a namespace is the first.
        for process in reversed(self.processes):
            process.kill()
            process.wait(timeout=10)
        self.processes = []


class Overlays(OnLab):
    """`with Overlays(cluster) as overlays:` a task on either node, both in an overlay in clear and in an encrypted one: `clear` and `encrypted` are the ways."""

    def __init__(self, cluster):
        super().__init__(cluster)
        self.servers = Servers()
        self.near, self.far = cluster.nodes[0], cluster.nodes[1]

    def build(self):
        manager = self.cluster.manager
        manager.docker("network", "create", "--driver", "overlay", CLEAR)
        manager.docker("network", "create", "--driver", "overlay", "--opt", "encrypted", ENCRYPTED)
        for name, node in ((CALLER, self.near), (CALLEE, self.far)):
            self.idle(name, node, CLEAR, ENCRYPTED)
        for name in (CALLER, CALLEE):
            self.cluster.running(name, 1)
        caller, callee = self.inside(self.near, CALLER), self.inside(self.far, CALLEE)
        container = self.far.inspect("container", self.far.containers(CALLEE)[0])
        addresses = {name: container["NetworkSettings"]["Networks"][name]["IPAddress"] for name in (CLEAR, ENCRYPTED)}
        self.servers.start(*callee, "iperf3", "-s", "-p", str(PORT))
        self.clear = Way(caller, callee, addresses[CLEAR])
        poll(30, "a stream in the overlay in clear", self.clear.ready)
        self.encrypted = Way(caller, callee, addresses[ENCRYPTED])
        # A node gets its first keys with one of its signs of life.
        poll(60, "a stream in the encrypted overlay", self.encrypted.ready)
        self.encrypted.pids = [pid for node in (self.near, self.far) for pid in self.encryptors(node)]
        expect(len(self.encrypted.pids) == 2, f"processes apus-esp of two nodes: {self.encrypted.pids}")

    @staticmethod
    def encryptors(node):
        """`apus-esp` of a node: in its daemon's mount namespace."""
        space = link(f"/proc/{node.pid}/ns/mnt")
        return [int(one) for one in filter(str.isdigit, os.listdir("/proc"))
                if link(f"/proc/{one}/ns/mnt") == space and os.path.basename(link(f"/proc/{one}/exe")) == "apus-esp"]

    def clear_away(self):
        self.servers.end()
        self.cluster.remove_service(CALLER, CALLEE)
        for network in (CLEAR, ENCRYPTED):
            self.cluster.manager.docker("network", "rm", network, check=False)


class WireGuard:
    """`with WireGuard(directory) as peer:` Debian's `wireguard-go`, unpacked below the directory, between two namespaces with a bridge between them as
    the nodes of a lab have one. All of it ends with the processes that hold the namespaces."""

    def __init__(self, directory):
        self.directory, self.servers = directory, Servers()

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.servers.end()
            raise
        return self

    def __exit__(self, *_):
        self.servers.end()

    def build(self):
        programs = os.path.join(fetch(self.directory, PACKAGES, "usr/bin/wg"), "usr/bin")
        self.program, self.wg = os.path.join(programs, "wireguard-go"), os.path.join(programs, "wg")
        underlay, *ends = holders = [self.hold() for _ in range(3)]
        self.ask(underlay, "ip", "link", "add", "underlay", "type", "bridge")
        self.ask(underlay, "ip", "link", "set", "underlay", "up")
        for number, end in enumerate(ends, 1):
            self.cable(underlay, end, number)
        processes = [self.tunnel(end, number) for number, end in enumerate(ends, 1)]
        keys = [self.ask(end, self.wg, "genkey") for end in ends]
        names = [self.ask(end, self.wg, "pubkey", stdin=key.encode()) for end, key in zip(ends, keys)]
        for number, end in enumerate(ends, 1):
            self.ask(end, self.wg, "set", TUNNEL, "listen-port", str(TUNNEL_PORT), "private-key", "/dev/stdin", "peer", names[2 - number],
                     "endpoint", f"198.51.100.{3 - number}:{TUNNEL_PORT}", "allowed-ips", "192.0.2.0/24", stdin=keys[number - 1].encode())
            self.ask(end, "ip", "address", "add", f"192.0.2.{number}/24", "dev", TUNNEL)
            self.ask(end, "ip", "link", "set", TUNNEL, "mtu", str(TUNNEL_MTU), "up")
        self.servers.start(*self.enter(ends[1]), "iperf3", "-s", "-p", str(PORT))
        self.way = Way(self.enter(ends[0]), self.enter(ends[1]), "192.0.2.2", [process.pid for process in processes])
        poll(30, "a stream through wireguard-go", self.way.ready)
        expect(all(process.poll() is None for process in holders), "a namespace is gone")

    def hold(self):
        """A process that has namespaces of its own of the network and the mounts."""
        holder = self.servers.start("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", HOLD)
        own = os.readlink("/proc/self/ns/net")
        poll(10, "namespaces of its own", lambda: os.readlink(f"/proc/{holder.pid}/exe").endswith("/sleep")
             and os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        self.ask(holder, "ip", "link", "set", "lo", "up")
        return holder

    def enter(self, holder):
        return ["nsenter", "-t", str(holder.pid), "--net", "--mount", "--"]

    def ask(self, holder, *command, stdin=None):
        result = run([*self.enter(holder), *command], stdin=stdin)
        if result.code != 0:
            raise Refused(f"{os.path.basename(command[0])} {' '.join(command[1:4])}: {result.text[-300:]}")
        return result.out.strip()

    def cable(self, underlay, end, number):
        self.ask(underlay, "ip", "link", "add", f"end-{number}", "type", "veth", "peer", "name", f"far-{number}")
        self.ask(underlay, "ip", "link", "set", f"far-{number}", "netns", str(end.pid), "name", "eth0")
        self.ask(underlay, "ip", "link", "set", f"end-{number}", "master", "underlay", "up")
        self.ask(end, "ip", "address", "add", f"198.51.100.{number}/24", "dev", "eth0")
        self.ask(end, "ip", "link", "set", "eth0", "up")

    def tunnel(self, end, number):
        log = os.path.join(self.directory, f"wireguard-{number}.log")
        with open(log, "w") as file:
            process = self.servers.start(*self.enter(end), self.program, "-f", TUNNEL, stderr=file, env=dict(os.environ, LOG_LEVEL="error"))

        def answers():
            if process.poll() is not None:
                with open(log) as file:
                    raise Refused(f"wireguard-go has ended: {file.read()[-400:]}")
            return run([*self.enter(end), self.wg, "show", TUNNEL]).code == 0
        poll(20, "wireguard-go", answers)
        return process


def alternating(ways, rounds, measure, choose):
    """The best of each way, one after the other in each round."""
    found = {name: [] for name in ways}
    for number in range(rounds):
        for name in ways if number % 2 == 0 else reversed(ways):
            found[name].append(measure(ways[name]))
    best = {name: choose(values) for name, values in found.items()}
    expect(all(best.values()), f"nothing was measured: {best}")
    return best
