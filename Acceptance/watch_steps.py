"""Steps 21 and 23 of the walkthrough: log drivers with receivers of their protocols, and what is seen of the cluster at a moment."""

import concurrent.futures
import importlib.machinery
import importlib.util
import os
import statistics
import tempfile
import time

from cluster import Failure, Skip, expect, poll

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = 300


def program(name):
    """Another check's functions: it is a program, without an ending."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def own_driver(node, driver):
    """json-file, which has no receiver: `docker logs` has every line."""
    name = "walk-" + driver
    node.docker("rm", "-f", name, check=False)
    node.docker("run", "-d", "--log-driver", driver, "--name", name, "busybox", "sh", "-c", f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; done; exec sleep 900")
    try:
        poll(30, f"{LINES} lines", lambda: node.docker("logs", name).out.split("\n")[:-1] == [f"line {number + 1}" for number in range(LINES)])
        told = node.docker("inspect", "--format", "{{.HostConfig.LogConfig.Type}}", name).out.strip()
        expect(told == driver, f"its driver is {told}")
    finally:
        node.docker("rm", "-f", name, check=False)


def at_receiver(drivers, node, driver, port):
    """Each line of a container, in order, at a receiver of the driver's protocol; `docker logs` has them as well."""
    with tempfile.TemporaryDirectory(prefix="walk-logs.") as directory:
        receiver = drivers.Receiver(node, directory, driver, port)
        try:
            drivers.plain(receiver)
        except Skip as skip:
            expect(False, f"{driver}: {skip}: Scripts/packages installs it")
        finally:
            receiver.end()
    return driver


def step21(cluster):
    """log drivers: json-file, syslog, journald, gelf, fluentd and awslogs deliver to a receiver, and `docker logs` works with each"""
    drivers = program("logdrivers")
    node = cluster.nodes[-1]
    node.inside("ip", "address", "add", "169.254.170.2/32", "dev", "lo")
    try:
        # At once: what a container writes takes some seconds, most of which it sleeps.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            begun = [pool.submit(at_receiver, drivers, node, driver, port)
                     for port, driver in enumerate(("syslog", "journald", "gelf", "fluentd", "awslogs"), drivers.FIRST_PORT)]
            own_driver(node, "json-file")
            told = [one.result() for one in begun]
    finally:
        node.inside("ip", "address", "del", "169.254.170.2/32", "dev", "lo")
    return f"{LINES} lines each, in order, at receivers of {', '.join(told)}; `docker logs` has them with every driver"


SPIKE = 20


def step23(cluster):
    """monitoring: metrics, logs and events of every node in one place, and at the moment of a spike the lines and events of that moment"""
    monitoring = program("monitoring")
    cluster.remove_service(monitoring.SERVICE)
    try:
        monitoring.begin(cluster)
        used = monitoring.dashboard(cluster)

        def stats(node):
            said = node.docker("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}").out
            expect(f"{monitoring.SERVICE}." in said, f"`docker stats` on {node.name}: {said}")
        happened = monitoring.events(cluster)
        # Each takes two samples, a second apart.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(stats, cluster.nodes))
        return f"{used}; {happened}; {moment(cluster, monitoring)}"
    finally:
        cluster.remove_service(monitoring.SERVICE)


def struck(node, container, task, page):
    """When the curve of a task that has worked for a moment is highest; in milliseconds."""
    began = time.time() * 1000
    node.docker("exec", container, "sh", "-c", f"echo msg=struck >/proc/1/fd/1; timeout {SPIKE} sh -c 'while :; do :; done'; true", timeout=SPIKE + 30)
    node.docker("pause", container)
    node.docker("unpause", container)
    ended = time.time() * 1000

    def highest():
        now = int(time.time() * 1000)
        answer = page.get(f"/ui/v1/query?scope=task:{task}&series=cpu&points=60&from={now - 300_000}&to={now}")
        values = [(value, index) for line in answer["lines"][:1] for index, value in enumerate(line["values"]) if value is not None]
        expect(values, "there is no curve of the task yet")
        value, index = max(values)
        at = answer["from"] + index * answer["step"]
        # It gets what of a core the machine has left: much more than the task takes otherwise, which is a tenth of a core.
        usual = statistics.median(value for value, _ in values)
        expect(value > 0.05 and value > 1.5 * usual, f"{value:.2f} cores at the most, {usual:.2f} in the middle")
        expect(began - 10_000 <= at <= ended + 10_000, f"the curve is highest {(at - began) / 1000:.0f} s after the beginning of {(ended - began) / 1000:.0f} s")
        return at
    return poll(40, "the spike in the task's curve", highest, 1)


def moment(cluster, monitoring):
    """A task works, says a line and is paused for a moment, at a time that nobody else is told: where its curve is highest are that line and that event."""
    node = cluster.nodes[-1]
    container = node.containers(monitoring.SERVICE)[0]
    task = node.inspect("container", container)["Config"]["Labels"]["com.docker.swarm.task.id"]
    page = monitoring.Page(cluster)
    # It gets what of the processor others leave: where that is less than at another time, the task works once more.
    for rest in (2, 1, 0):
        try:
            at = struck(node, container, task, page)
            break
        except Failure:
            if not rest:
                raise
    window = f"from={int(at - SPIKE * 1000 - 15_000)}&to={int(at + SPIKE * 1000 + 15_000)}"
    lines = [line["text"] for line in page.get(f"/ui/v1/logs?scope=task:{task}&{window}&limit=500")["lines"]]
    expect(sum("msg=struck" in line for line in lines) == 1, f"the line is not among {len(lines)} of that time")
    told = [event["action"] for event in page.get(f"/ui/v1/events?{window}&limit=500")["events"] if event.get("id") == container or event["attributes"].get("id") == container]
    expect("pause" in told and "unpause" in told, f"the events of that time are {told}")
    if os.path.exists(page.jar):
        os.remove(page.jar)
    return f"where a task's curve is highest are its line, of {len(lines)}, and its events"


STEPS = {21: step21, 23: step23}
