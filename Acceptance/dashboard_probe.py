"""Work at known moments in real containers: seconds of CPU, a burst of lines, and an end at the memory limit; and what is then to be seen, told by
the containers' own logs and by the engine's events, not by the dashboard."""

import json
import os
import time

from browser import milliseconds
from cluster import expect, poll, run

SERVICE, ALONE = "probe", "probe-alone"
BURST, SPIKE = 40, 30
# Ticks once a second. At a sign: a burst of lines, seconds of work, then more memory than there is, in the container's first process.
WORK = f"""i=0; while :; do echo level=info msg=tick n=$i; i=$((i+1)); sleep 1; [ -e /tmp/go ] || continue
k=0; while [ $k -lt {BURST} ]; do echo level=error msg=burst k=$k >&2; k=$((k+1)); done
end=$(($(date +%s)+{SPIKE})); while [ $(date +%s) -lt $end ]; do j=0; while [ $j -lt 4000 ]; do j=$((j+1)); done; done
echo level=warn msg=full; exec tail /dev/zero; done"""
# What happens all the time, and what a task passes through: told by `apus events`, not shown as an event by the page.
PASSING = {"new", "pending", "assigned", "accepted", "preparing", "ready", "starting"}


class Probe:
    def __init__(self, cluster):
        self.cluster, self.manager = cluster, cluster.manager

    def begin(self):
        others = [node for node in self.cluster.nodes if node.role != "manager"]
        # The container of no task is on neither the manager that is asked nor, where there is a third node, the task's.
        self.node, self.far = others[0], others[-1]
        self.end()
        limits = ["--limit-memory", "24m", "--limit-cpu", "0.6"]
        self.manager.docker("service", "create", "--detach", "--quiet", "--name", SERVICE, "--mode", "global", "--restart-condition", "none", *limits,
                            "busybox", "sh", "-c", WORK, timeout=120)
        self.far.docker("run", "-d", "--name", ALONE, "--memory", "24m", "--cpus", "0.6", "busybox", "sh", "-c", WORK)
        self.cluster.running(SERVICE, len(self.cluster.nodes))
        self.service = self.manager.inspect("service", SERVICE)["ID"]
        self.alone = self.far.inspect("container", ALONE)["Id"]
        self.ids = {node.name: node.containers(SERVICE)[0] for node in self.cluster.nodes}
        self.container = self.ids[self.node.name]
        labels = self.node.inspect("container", self.container)["Config"]["Labels"]
        self.task, self.node_id = labels["com.docker.swarm.task.id"], labels["com.docker.swarm.node.id"]

    def strike(self):
        """The moments, in milliseconds: from the sign to the end of both containers."""
        began = time.time() * 1000
        self.node.docker("exec", self.container, "touch", "/tmp/go")
        self.far.docker("exec", self.alone, "touch", "/tmp/go")

        def over():
            for node, identity in ((self.node, self.container), (self.far, self.alone)):
                state = node.inspect("container", identity)["State"]
                expect(not state["Running"], "it runs still")
                expect(state["OOMKilled"] and state["ExitCode"] == 137, f"it ended otherwise: {state}")
            return True
        poll(120, "an end at the memory limit", over)
        return began, time.time() * 1000

    def end(self):
        self.cluster.remove_service(SERVICE)
        self.far.docker("rm", "-f", ALONE, check=False)

    # MARK: what is to be seen

    def lines(self, a, z, identities=None, node=None):
        """{(milliseconds, text)} of these containers, as each node's `docker logs` has them."""
        found = set()
        for where, identity in [(n, i) for n in self.cluster.nodes for i in [self.ids[n.name]]] + [(self.far, self.alone)]:
            if (identities is not None and identity not in identities) or (node and where.name != node):
                continue
            said = where.docker("logs", "--timestamps", identity)
            for line in (said.out + said.err).splitlines():
                stamp, _, text = line.partition(" ")
                at = int(milliseconds(stamp[:26].rstrip("Z") + "Z"))
                if a <= at < z:
                    found.add((at, text))
        return found

    def events(self, a, z, concerns=None):
        """{(milliseconds, type, action)} that every manager tells of; those of one object when `concerns` is its kind and id."""
        environment = dict(os.environ, DOCKER_HOST=self.manager.docker_host)
        told = run([self.cluster.apus, "events", "--cluster", "--since", str(int(a / 1000) - 1), "--until", str(int(z / 1000) + 2), "--format", "json"], 30, environment)
        expect(told.code == 0, told.text[-300:])
        found = set()
        for line in told.out.splitlines():
            event = json.loads(line)
            kind, action, actor = event["Type"], event["Action"], event["Actor"]
            at = event["timeNano"] // 1_000_000
            if not a <= at <= z or (kind == "task" and action in PASSING) or (kind == "container" and action.startswith("exec_")):
                continue
            if concerns and not self.concerns(actor, kind, *concerns):
                continue
            found.add((at, kind, action))
        return found

    def concerns(self, actor, type, kind, identity):
        attributes = actor.get("Attributes") or {}
        own = actor["ID"] if type == kind else None
        part_of = attributes.get(f"com.docker.swarm.{kind}.id") or attributes.get(f"{kind}.id") or own
        if kind == "container":
            return type == "container" and actor["ID"] == identity
        # What happens to the way to a node is an event of that node as well.
        return part_of == identity or actor["ID"] == identity
