"""What the parts that measure on a lab have in common."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Acceptance"))
from cluster import QUICK  # noqa: E402


class OnLab:
    """`with …:` what `build` makes on a lab. `clear_away` takes it away again, however far `build` has come."""

    def __init__(self, cluster):
        self.cluster = cluster

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.clear_away()
            raise
        return self

    def __exit__(self, *_):
        self.clear_away()

    def idle(self, name, node, *networks):
        """A service of one task that does nothing, on a node and in networks; it is not waited for."""
        self.cluster.manager.docker(
            "service", "create", "-d", "--name", name, *(word for network in networks for word in ("--network", network)),
            "--constraint", f"node.hostname=={node.name}", *QUICK, "busybox", "sleep", "1000000", timeout=120)

    def inside(self, node, service):
        """The words that lead into the network of the service's task on a node."""
        return [*self.cluster.enter(node.name), "nsenter", f"--net=/run/apus/netns/c-{node.containers(service)[0]}"]
