"""The parts of `Benchmarks/run` that measure networks: paths."""

import os
import subprocess

from cluster import Cluster
from figures import tell
from paths import Paths

HERE = os.path.dirname(os.path.abspath(__file__))


class Networks:
    """What a bench has beside this: `options`, `directory`, `registry`, `lab` and `attempt`."""

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
        self.lab("down", "--name", "bench")
        try:
            self.lab("up", "--name", "bench", "--nodes", "2", "--managers", "1", "--registry", self.registry)
            with Paths(Cluster(self.options.apus, "bench"), program) as paths:
                for kind, unit, rounds, amount in [
                    ("throughput", "Gbit/s", 2 if few else 7, 1 if few else 2), ("connection", "us", 2 if few else 7, 300 if few else 1500),
                ]:
                    def one(kind=kind, unit=unit, rounds=rounds, amount=amount):
                        for name, ours, plain in paths.measure(kind, rounds, amount):
                            tell(f"{kind}-{name}", ours, plain, unit, 2 if kind == "throughput" else 1)
                    self.attempt(kind, one)
        finally:
            self.lab("down", "--name", "bench", check=False)
