"""Forced updates of a service under load: what fails of new connections and of those that are kept, through the mesh and through the service's address."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Acceptance"))
from api import Refused  # noqa: E402
from cluster import expect, poll, url, version  # noqa: E402
from onlab import OnLab  # noqa: E402

NETWORK, SERVICE, CALLER = "bench-updates", "bench-updates", "bench-caller"
PORT = 5501
INSIDE = "/requests"  # The program in a container.
OPTIONS = {"clear": [], "encrypted": ["--opt", "encrypted"]}


class Updates(OnLab):
    """`with Updates(…) as updates:` a published service of so many tasks on an overlay, whose program is `requests.c`, and a task that calls it.

    - `kind`: `clear` or `encrypted`
    - `families`: 4 and 6, of the overlay and of the calls
    - `parallelism`: how many tasks are replaced at a time
    """

    def __init__(self, cluster, program, kind, families, replicas, parallelism):
        super().__init__(cluster)
        self.program, self.kind, self.families = program, kind, families
        self.replicas, self.parallelism = replicas, parallelism
        self.near = cluster.nodes[0]

    def build(self):
        manager = self.cluster.manager
        pools = ["--subnet", "10.21.0.0/16", *(["--ipv6", "--subnet", "fd00:21::/64"] if 6 in self.families else [])]
        manager.docker("network", "create", "--driver", "overlay", *pools, *OPTIONS[self.kind], NETWORK)
        manager.docker(
            "service", "create", "-d", "--name", SERVICE, "--network", NETWORK, "--replicas", str(self.replicas), "--publish", f"{PORT}:{PORT}",
            "--mount", f"type=bind,source={self.program},target={INSIDE},readonly", "--update-parallelism", str(self.parallelism),
            "--update-monitor", "300ms", "busybox", INSIDE, "serve", str(PORT), timeout=120)
        self.idle(CALLER, self.near, NETWORK)
        self.cluster.running(SERVICE, self.replicas, 400)
        self.cluster.running(CALLER, 1)
        self.ways = self.found_ways()
        for name, (words, addresses) in self.ways.items():
            for address in addresses:
                poll(60, f"an answer by {name} of {address}", lambda: self.answers(words, address))

    def found_ways(self):
        """{name: the words that lead to who calls, the addresses that it calls}."""
        manager = self.cluster.manager
        network = manager.inspect("network", NETWORK)["Id"]
        virtual = [one["Addr"].split("/")[0] for one in manager.inspect("service", SERVICE)["Endpoint"]["VirtualIPs"] if one["NetworkID"] == network]
        inside = self.inside(self.near, CALLER)
        ways = {}
        for family in self.families:
            ways[f"mesh-{family}"] = self.cluster.enter("client"), [node.at(family) for node in self.cluster.nodes]
            own = [address for address in virtual if version(address) == family]
            expect(len(own) == 1, f"addresses of {SERVICE} of IPv{family}: {virtual}")
            ways[f"vip-{family}"] = inside, own
        return ways

    @staticmethod
    def answers(words, address):
        done = subprocess.run([*words, "curl", "-sS", "--noproxy", "*", "--max-time", "3", url(address, PORT)], capture_output=True, text=True, timeout=10)
        return done.returncode == 0 and done.stdout == "ok\n"

    def clear_away(self):
        self.cluster.remove_service(SERVICE, CALLER)
        self.cluster.remove_network(NETWORK)

    # MARK: measurements

    def measure(self, count, rate, kept):
        """So many updates under so many new connections a second and so many that are kept, dealt out to the ways. Returns {way: what its client
        has counted}, and how many seconds an update took on the average."""
        calls = {name: self.call(*way, rate / len(self.ways), kept // len(self.ways)) for name, way in self.ways.items()}
        counts = {}
        try:
            time.sleep(2)
            start = time.monotonic()
            for _ in range(count):
                self.update()
            took = (time.monotonic() - start) / count
            time.sleep(2)
        finally:
            # All are told before one is waited for.
            for call in calls.values():
                call.stdin.close()
            for name, call in calls.items():
                counts[name] = self.counted(name, call)
        return counts, took

    def call(self, words, addresses, rate, kept):
        return subprocess.Popen([*words, self.program, "call", ",".join(addresses), str(PORT), f"{rate:.1f}", str(kept)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def counted(name, call):
        try:
            call.wait(timeout=30)
        except subprocess.TimeoutExpired:
            call.kill()
            call.wait(timeout=10)
        with call.stdout, call.stderr:
            out, err = call.stdout.read(), call.stderr.read()
        if call.returncode != 0:
            raise Refused(f"the client of {name} ended with {call.returncode}: {err[-300:]}")
        return json.loads(out)

    def update(self):
        manager = self.cluster.manager

        def status():
            return manager.inspect("service", SERVICE).get("UpdateStatus") or {}
        before = status().get("StartedAt")
        manager.docker("service", "update", "-d", "--force", SERVICE)

        def is_over():
            now = status()
            if "paused" in now.get("State", ""):
                raise Refused(f"the update is paused: {now}")
            return now.get("State") == "completed" and now.get("StartedAt") != before
        poll(60 + 5 * self.replicas, "the update is over", is_over)
        self.cluster.running(SERVICE, self.replicas)
