"""The parts of `Benchmarks/run` that measure networks: paths, encryption, names, and updates of services under load."""

import contextlib
import os
import subprocess

from api import Engine, Refused
from encryption import Overlays, WireGuard, alternating
from figures import IMAGE, tell
from names import Asker, Names
from paths import Paths
from peer import Peer
from updates import Updates

HERE = os.path.dirname(os.path.abspath(__file__))
# New connections a second, and connections that are kept and ask once a second, under which services are updated.
RATE, KEPT = 2000, 100


class Networks:
    """What a bench has beside this: `options`, `directory`, `registry`, `fresh` and `attempt`."""

    def compiled(self, name, *options):
        """The program of a source beside this."""
        program = os.path.join(self.directory, name)
        os.makedirs(self.directory, exist_ok=True)
        subprocess.run(["cc", "-O2", *options, "-o", program, os.path.join(HERE, f"{name}.c")], check=True, capture_output=True)
        return program

    # MARK: paths

    def paths(self):
        few = self.options.quick
        program = self.compiled("shortconnections")
        with self.fresh(2) as cluster:
            with Paths(cluster, program) as paths:
                for kind, unit, rounds, amount in [
                    ("throughput", "Gbit/s", 2 if few else 7, 1 if few else 2), ("connection", "us", 2 if few else 7, 300 if few else 1500),
                ]:
                    def one(kind=kind, unit=unit, rounds=rounds, amount=amount):
                        for name, ours, plain in paths.measure(kind, rounds, amount):
                            tell(f"{kind}-{name}", ours, plain, unit, 2 if kind == "throughput" else 1)
                    self.attempt(kind, one)

    # MARK: encryption

    def encryption(self):
        """Best of the rounds: an encrypted overlay ÷ wireguard-go, and ÷ an overlay in clear."""
        if not os.path.exists("/dev/net/tun"):
            raise Refused("not measurable: this machine has no /dev/net/tun, which apus-esp and wireguard-go are reached through")
        os.makedirs(self.directory, exist_ok=True)
        with self.fresh(2) as cluster:
            with Overlays(cluster) as overlays, contextlib.ExitStack() as stack:
                ways = {"encrypted": overlays.encrypted, "clear": overlays.clear}
                # Without it, the figures that do not need it are made all the same.
                self.attempt("wireguard-go", lambda: ways.update(wireguard=stack.enter_context(WireGuard(self.directory)).way))
                seconds = 1 if self.options.quick else 2
                for name, unit, digits, measure in (
                        ("encrypted-1", "Gbit/s", 3, lambda way: way.gigabits(1, seconds)),
                        ("encrypted-4", "Gbit/s", 3, lambda way: way.gigabits(4, seconds)),
                        ("encrypted-small", "k/s", 1, lambda way: way.datagrams(seconds))):
                    self.attempt(name, lambda: self.encrypted(name, unit, digits, measure, ways))
                if "wireguard" in ways:
                    self.attempt("encrypted-processor-a-gib", lambda: self.encrypted_processor(ways, seconds))

    def encrypted(self, name, unit, digits, measure, ways):
        best = alternating(ways, 2 if self.options.quick else 5, measure, max)
        if "wireguard" in best:
            tell(name, best["encrypted"], best["wireguard"], unit, digits)
        tell(f"{name}-clear", best["encrypted"], best["clear"], unit, digits)

    def encrypted_processor(self, ways, seconds):
        those = {name: ways[name] for name in ("encrypted", "wireguard")}
        best = alternating(those, 1 if self.options.quick else 3, lambda way: way.seconds_a_gibibyte(2 * seconds), min)
        tell("encrypted-processor-a-gib", best["encrypted"], best["wireguard"], "s")

    # MARK: names

    def names(self):
        """Answers a second of either engine's resolver, in a container."""
        with self.fresh(1) as cluster:
            ours = Engine(cluster.nodes[0].docker_host.removeprefix("unix://"))
            ours.pull(IMAGE)
            with Peer(self.directory, self.registry, IMAGE) as peer:
                sides = {"apus": Names(ours, IMAGE), "peer": Names(peer.engine, IMAGE)}
                self.attempt("names-of-containers", lambda: self.answers("containers", {name: side.containers() for name, side in sides.items()}))
                self.attempt("names-of-services", lambda: self.answers("services", {name: side.services() for name, side in sides.items()}))

    def answers(self, kind, made):
        askers = {name: Asker(self.directory, *given) for name, given in made.items()}
        for name, asker in askers.items():
            Names.until(30, f"all names have an answer ({name})", asker.ready)
        best = alternating(askers, 1 if self.options.quick else 5, lambda asker: asker.rate(1 if self.options.quick else 4), max)
        tell(f"names-of-{kind}", best["apus"], best["peer"], "/s", 0)

    # MARK: updates

    def updates(self):
        """Two replicas, twenty forced updates, in both families; in clear and encrypted."""
        with self.fresh(2, "--underlay", "dual") as cluster:
            for kind in ("clear", "encrypted"):
                self.attempt(f"updates-{kind}", lambda: self.updated(cluster, f"updates-{kind}", kind, (4, 6), 2, 1, 2 if self.options.quick else 20))

    def updates_large(self):
        """A service of 300 on five nodes, fifty replaced at a time."""
        replicas = 20 if self.options.quick else 300
        with self.fresh(5, limit=600) as cluster:
            self.updated(cluster, "updates-large", "clear", (4,), replicas, replicas // 6, 1)

    def updated(self, cluster, name, kind, families, replicas, parallelism, count):
        """One line a way, and the aim is that nothing fails."""
        program = self.compiled("requests", "-static")
        with Updates(cluster, program, kind, families, replicas, parallelism) as updates:
            counts, took = updates.measure(count, RATE, KEPT)
        for way, found in counts.items():
            failed = found["failed"]
            print(f"bench {name}-{way} failed={failed} aim=<=0 {'missed' if failed else 'met'} asked={found['begun']} "
                  f"a-second={found['begun'] / max(found['seconds'], 0.1):.0f} opened-anew={found['reopened']} longest={found['longest']:.3f}s", flush=True)
            for reason in found["reasons"]:
                print(f"      {reason}", flush=True)
        print(f"      ({count} updates of {replicas} tasks, {took:.1f} s each)", flush=True)
