#!/usr/bin/python3
"""What the dashboard costs a manager: tabs that are open, and how soon a chart of a large service is there.

Run as a program it is the tabs, in the manager's network: dashboard.py ADDRESS COOKIE SERVICE COUNT SECONDS. What it prints is how many bytes each was
sent a second, and how long a chart took.
"""

import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

from engines import proportional
from logs import processor_seconds

SERVICE, NODES, TASKS, TABS = "bench-dashboard", 10, 100, 10
HEADERS = {"X-Apus": "1", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
# As the page asks: an overview's charts, and the small ones of its table, every ten seconds while it is live.
CHARTS, EVERY, POINTS, RANGE = [("cluster", series, "node") for series in ("cpu", "memory", "network", "drops")], 10, 360, 900_000


class Caller:
    def __init__(self, address, cookie=None):
        self.address, self.cookie = address, cookie

    def open(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(self.address, timeout=60, context=context)

    def ask(self, connection, path, body=None):
        headers = dict(HEADERS if body is not None else {}, **({"Cookie": self.cookie} if self.cookie else {}))
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {answer.read()[:200]}")
        return answer

    def chart(self, connection, scope, series, by, points=POINTS, length=RANGE):
        now = int(time.time() * 1000)
        fields = {"scope": scope, "series": series, "from": now - length, "to": now, "points": points, **({"by": by} if by else {})}
        return self.ask(connection, "/ui/v1/query?" + urllib.parse.urlencode(fields)).read()


class Tab:
    """An overview that is looked at: one stream with the lines of everything, and its charts."""

    def __init__(self, caller, service):
        self.caller, self.service, self.bytes, self.failure = caller, service, 0, None
        self.isOver = threading.Event()
        self.threads = [threading.Thread(target=self.guarded, args=(body,), daemon=True) for body in (self.stream, self.charts)]
        for thread in self.threads:
            thread.start()

    def guarded(self, body):
        try:
            body()
        except (OSError, ValueError, http.client.HTTPException) as failure:
            if not self.isOver.is_set():
                self.failure = failure

    def stream(self):
        answer = self.caller.ask(self.caller.open(), f"/ui/v1/stream?tail=service:{self.service}")
        while not self.isOver.is_set():
            part = answer.read1(1 << 16)
            if not part:
                raise ValueError("a stream has ended")
            self.bytes += len(part)

    def charts(self):
        connection = self.caller.open()
        while not self.isOver.is_set():
            for chart in CHARTS:
                self.bytes += len(self.caller.chart(connection, *chart))
            self.bytes += len(self.caller.chart(connection, f"service:{self.service}", "cpu", None, 48))
            self.isOver.wait(EVERY)


def tabs(address, cookie, service, count, seconds):
    caller = Caller(address, cookie)
    opened = []
    for _ in range(count):
        opened.append(Tab(caller, service))
        time.sleep(0.2)
    print("open", flush=True)
    time.sleep(seconds)
    sent = sum(tab.bytes for tab in opened)
    for tab in opened:
        tab.isOver.set()
        if tab.failure:
            raise SystemExit(f"a tab has failed: {tab.failure!r}")
    print(json.dumps({"bytes": sent / seconds / max(1, count)}), flush=True)
    os._exit(0)  # Streams are still waited for.


def charts(address, cookie, service, rounds):
    caller = Caller(address, cookie)
    connection = caller.open()
    times = []
    for _ in range(rounds):
        began = time.monotonic()
        answer = json.loads(caller.chart(connection, f"service:{service}", "cpu", "task", POINTS, 6 * 3600_000))
        times.append(time.monotonic() - began)
        if answer.get("gaps") or len(answer["lines"]) != TASKS:
            raise SystemExit(f"{len(answer['lines'])} curves of {TASKS}, no answer of {answer.get('gaps')}")
        time.sleep(0.1)
    print(json.dumps({"chart": sorted(times)[len(times) // 2]}), flush=True)


class DashboardCost:
    """On a lab whose nodes run a service of a hundred tasks. `pids` are the processes whose cost counts."""

    def __init__(self, cluster, engine, image, apus, pids):
        self.cluster, self.engine, self.image, self.apus, self.pids = cluster, engine, image, apus, pids

    def begin(self, tasks):
        made = self.engine.ask("POST", "/services/create", {
            "Name": SERVICE, "Mode": {"Replicated": {"Replicas": tasks}},
            "TaskTemplate": {"ContainerSpec": {"Image": self.image, "Command": ["sh", "-c", "while :; do echo level=info msg=tick; sleep 5; done"]}}})
        self.service = made["ID"]
        end = time.monotonic() + 600
        while self.running() < tasks:
            if time.monotonic() > end:
                raise ValueError(f"{self.running()} of {tasks} tasks run")
            time.sleep(1)

    def running(self):
        filters = json.dumps({"service": {SERVICE: True}, "desired-state": {"running": True}})
        return sum(task["Status"]["State"] == "running" for task in self.engine.ask("GET", "/tasks", query={"filters": filters}))

    def sign_in(self):
        """By a one-use link, which is good on the manager's own machine alone."""
        link = subprocess.run([self.apus, "dashboard", "open"], capture_output=True, text=True, timeout=60, check=True,
                              env=dict(os.environ, DOCKER_HOST=self.cluster.manager.docker_host)).stdout.strip()
        base, token = link.split("/open#")
        self.address = urllib.parse.urlsplit(base).netloc
        said = self.cluster.inside(self.cluster.manager.name, "curl", "-ski", "--max-time", "20", *(word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")),
                                   "-d", json.dumps({"token": token}), base + "/ui/v1/session/link").out
        cookies = [line.split(":", 1)[1].split(";")[0].strip() for line in said.splitlines() if line.lower().startswith("set-cookie:")]
        if not cookies:
            raise ValueError(f"no session: {said[:300]}")
        self.cookie = cookies[0]

    def start(self, *words):
        command = [self.apus, "lab", "exec", "--name", self.cluster.name, self.cluster.manager.name, "--", "/usr/bin/python3", os.path.abspath(__file__)]
        return subprocess.Popen([*command, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @staticmethod
    def told(process, seconds):
        """The last line of what it has said."""
        out, error = process.communicate(timeout=seconds)
        if process.returncode:
            raise ValueError(f"{out[-200:]} {error[-400:]}")
        return json.loads(out.strip().splitlines()[-1])

    def chart(self, rounds):
        """The median of how long a chart with a curve for each of a hundred tasks takes, in seconds."""
        return self.told(self.start("charts", self.address, self.cookie, self.service, rounds), 300)["chart"]

    def tabs(self, seconds):
        """What the daemon takes more with ten tabs than with none: share of a processor, bytes of memory, and bytes that a tab is sent a second."""
        share, memory = self.cost(seconds), proportional(self.pids)
        process = self.start("tabs", self.address, self.cookie, self.service, TABS, seconds + 15)
        if process.stdout.readline().strip() != "open":
            raise ValueError(process.communicate(timeout=30)[1][-400:])
        time.sleep(5)
        open_share, open_memory = self.cost(seconds), proportional(self.pids)
        return open_share - share, open_memory - memory, self.told(process, seconds + 60)["bytes"]

    def cost(self, seconds):
        before = processor_seconds(self.pids)
        time.sleep(seconds)
        return (processor_seconds(self.pids) - before) / seconds


if __name__ == "__main__":
    kind, address, cookie, service, *numbers = sys.argv[1:]
    {"tabs": tabs, "charts": charts}[kind](address, cookie, service, *map(int, numbers))
