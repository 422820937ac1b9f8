"""Network paths of a lab, each beside the plain one it is compared with: throughput of one stream, time of a short connection."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Acceptance"))
from cluster import expect, poll  # noqa: E402
from onlab import OnLab  # noqa: E402

STREAM, SHORT = 5201, 7001
MESH, HOST = {STREAM: 5301, SHORT: 7301}, {STREAM: 5401, SHORT: 7401}
NETWORK = "bench-net"


class Paths(OnLab):
    """`with Paths(cluster, program) as paths:` services, servers in their tasks, and a hand-made tunnel between two nodes."""

    def __init__(self, cluster, program):
        super().__init__(cluster)
        self.program, self.processes = program, []
        self.near, self.far = cluster.nodes[0], cluster.nodes[1]

    def build(self):
        manager = self.cluster.manager
        manager.docker("network", "create", "--driver", "overlay", NETWORK)
        for name, node, ports in [
            ("bench-caller", self.near, []),
            ("bench-mesh", self.far, [f"{MESH[port]}:{port}" for port in MESH]),
            ("bench-host", self.far, [f"mode=host,published={HOST[port]},target={port}" for port in HOST]),
        ]:
            options = [word for port in ports for word in ("--publish", port)]
            manager.docker("service", "create", "-d", "--name", name, "--network", NETWORK, "--constraint", f"node.hostname=={node.name}",
                           *options, "busybox", "sleep", "1000000", timeout=120)
        for name in ["bench-caller", "bench-mesh", "bench-host"]:
            self.cluster.running(name, 1)
        self.caller = self.inside(self.near, "bench-caller")
        for service in ["bench-mesh", "bench-host"]:
            self.serve(self.inside(self.far, service))
        self.direct = self.address("bench-mesh")
        self.virtual = self.cluster.manager.inspect("service", "bench-mesh")["Endpoint"]["VirtualIPs"]
        network = self.cluster.manager.inspect("network", NETWORK)["Id"]
        self.virtual = next(entry["Addr"].split("/")[0] for entry in self.virtual if entry["NetworkID"] == network)
        self.tunnel()
        for target, port in [(self.caller, (self.direct, STREAM)), (self.caller, (self.virtual, STREAM)),
                             (self.plain[0], ("192.0.2.2", STREAM)), (self.client, (self.far.address, HOST[STREAM])),
                             (self.client, (self.near.address, MESH[STREAM])), (self.client, (self.far.address, MESH[STREAM]))]:
            poll(30, f"{port[0]}:{port[1]}", lambda: self.run(target, "iperf3", "-J", "-c", port[0], "-p", str(port[1]), "-n", "1M", timeout=10).code == 0)

    # Each place is the words that lead into it.
    @property
    def client(self):
        return ("client",)

    def inside(self, node, service):
        return (node.name, "nsenter", f"--net=/run/apus/netns/c-{node.containers(service)[0]}")

    def run(self, place, *command, timeout=60):
        member, *words = place
        return self.cluster.inside(member, *words, *command, timeout=timeout)

    def start(self, place, *command):
        member, *words = place
        process = subprocess.Popen(
            [self.cluster.apus, "lab", "exec", "--name", self.cluster.name, member, "--", *words, *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def serve(self, place):
        self.start(place, "iperf3", "-s", "-p", str(STREAM))
        self.start(place, self.program, "serve", str(SHORT))

    def address(self, service):
        container = self.far.inspect("container", self.far.containers(service)[0])
        return container["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]

    def tunnel(self):
        """A VXLAN device alone in a namespace on either node: no bridge, no pair, no rules. Only what is in the lab's nodes is touched."""
        self.plain = []
        for number, (node, other) in enumerate([(self.near, self.far), (self.far, self.near)], 1):
            # The namespace lives as long as this process, which `apus lab exec` becomes.
            holder = self.start((node.name,), "unshare", "--net", "sleep", "1000000")
            own = os.readlink(f"/proc/{os.getpid()}/ns/net")
            poll(10, "a namespace of its own", lambda: os.readlink(f"/proc/{holder.pid}/exe").endswith("/sleep")
                 and os.readlink(f"/proc/{holder.pid}/ns/net") != own)
            place = (node.name, "nsenter", f"--net=/proc/{holder.pid}/ns/net")
            script = (
                f"set -e; ip link add benchvx type vxlan id 99 dstport 4790 local {node.address} remote {other.address} noudpcsum; "
                f"ip link set benchvx netns {holder.pid} name eth0; exec {' '.join(place[1:])} sh -ec '"
                f"ip link set lo up; ip link set eth0 mtu 1450 up; ip address add 192.0.2.{number}/24 dev eth0'")
            result = node.inside("sh", "-c", script)
            expect(result.code == 0, f"the hand-made tunnel on {node.name}: {result.text[-300:]}")
            self.plain.append(place)
        self.serve(self.plain[1])

    def clear_away(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(timeout=10)
        for service in ["bench-caller", "bench-mesh", "bench-host"]:
            self.cluster.remove_service(service)
        self.cluster.manager.docker("network", "rm", NETWORK, check=False)

    # MARK: measurements

    def gigabits(self, place, address, port, seconds):
        result = self.run(place, "iperf3", "-J", "-c", address, "-p", str(port), "-t", str(seconds), "-O", "0.3")
        expect(result.code == 0, f"iperf3 to {address}:{port}: {result.text[-300:]}")
        return json.loads(result.out)["end"]["sum_received"]["bits_per_second"] / 1e9

    def microseconds(self, place, address, port, count):
        result = self.run(place, self.program, "call", address, str(port), str(count))
        expect(result.code == 0, f"short connections to {address}:{port}: {result.text[-300:]}")
        return float(result.out)

    def pairs(self, port):
        return {
            "overlay": ((self.caller, self.direct, port), (self.plain[0], "192.0.2.2", port)),
            "vip": ((self.caller, self.virtual, port), (self.caller, self.direct, port)),
            "mesh-here": ((self.client, self.far.address, MESH[port]), (self.client, self.far.address, HOST[port])),
            "mesh-elsewhere": ((self.client, self.near.address, MESH[port]), (self.client, self.far.address, HOST[port])),
        }

    def measure(self, kind, rounds, amount):
        """kind: `throughput` or `connection`; the best of the rounds counts. Yields (pair, ours, plain)."""
        port = STREAM if kind == "throughput" else SHORT
        once = self.gigabits if kind == "throughput" else self.microseconds
        choose = max if kind == "throughput" else min
        for name, sides in self.pairs(port).items():
            found = ([], [])
            for number in range(rounds):
                for side in (0, 1) if number % 2 == 0 else (1, 0):
                    found[side].append(once(*sides[side], amount))
            yield name, choose(found[0]), choose(found[1])
