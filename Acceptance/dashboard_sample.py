#!/usr/bin/env python3
"""Serves the dashboard's page with a made-up cluster, to look at it and to test the page alone: states that a real cluster has rarely, and sizes
that a laboratory does not have. Never part of the product.

    Acceptance/dashboard_sample.py --port 8099 [--scene shop|empty|noquorum|noswarm|nohistory|lost|big|login]

`POST /sample/fate` changes what is shown while a page is open: `{"down": ["node-3"]}` are nodes that are lost, the rest is there.

A CPU spike, a burst of log lines and an OOM kill of web.2 are at fixed distances from the start: SPIKE and OOM seconds ago."""
import argparse, base64, hashlib, http.server, json, math, os, pathlib, queue, random, sys, threading, time, traceback, urllib.parse

TOP = pathlib.Path(__file__).resolve().parent.parent
FILES = {p.name: p for p in (TOP / "Sources/Dashboard/Assets").iterdir()}
FILES["preact.js"] = TOP / "Vendor/preact.js"
FILES["licences.txt"] = TOP / "Vendor/licences.txt"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; manifest-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
# What managers answer the page: nothing else is answered here.
CONTRACT = json.loads((TOP / "Tests/Page/contract.json").read_text())
START = time.time()
SPIKE, OOM, GAP = 1600, 1553, (830, 720)
ID = lambda text: hashlib.sha256(text.encode()).hexdigest()[:25]
ms = lambda ago: int((START - ago) * 1000)


def noise(seed, x):
    i = math.floor(x)
    f = x - i
    f = f * f * (3 - 2 * f)
    rnd = lambda n: int(hashlib.md5(f"{seed} {n}".encode()).hexdigest()[:8], 16) / 2**32
    return rnd(i) * (1 - f) + rnd(i + 1) * f


def wave(seed, t, base, amplitude):
    return max(0.0, base + amplitude * (.7 * noise(seed, t / 600) + .4 * noise(seed + 1, t / 90) + .4 * noise(seed + 2, t / 12) - .75))


def burst(t, width=90, ago=SPIKE):
    return math.exp(-(((t - (START - ago)) / width) ** 2))


class Cluster:
    def __init__(self, scene):
        self.scene = scene
        self.revision, self.changed = 1, threading.Condition()
        names = ["node-1", "node-2", "node-3"] if scene != "big" else [f"node-{i}" for i in range(1, 41)]
        down = {"noquorum": ["node-2", "node-3"], "stale": ["node-3"]}.get(scene, [])
        self.nodes = []
        for i, name in enumerate(names):
            up = name not in down
            use = {"cpu": [.42, .57, .35][i % 3], "memory": [.61, .66, .52][i % 3], "disk": [.38, .41, .83][i % 3], "conntrack": .03, "clock": [.0002, -.0004, .0001][i % 3], "at": ms(0 if up else 830)}
            self.nodes.append({"id": ID(name), "name": name, "role": "manager" if i < 3 else "worker", "isLeader": i == 0, "state": "ready" if up else "down", "availability": "active", "reachability": ("reachable" if up else "unreachable") if i < 3 else None, "address": f"192.168.7.{11 + i}", "engine": "0.9.0", "system": "linux/x86_64", "cpus": 8, "memory": 32 << 30, "message": None if up else "heartbeat failure", "labels": {"zone": "abc"[i % 3]}, "version": 100 + i, "use": use})
        nets = [("ingress", "10.0.0.0/24", 14, dict(isIngress=True)), ("frontend", "10.0.5.0/24", 18, dict(isEncrypted=True)), ("backend", "10.1.0.0/24", 233, dict(isEncrypted=True, isAttachable=True)), ("jobs", "10.0.7.0/24", 9, dict(isInternal=True))]
        self.networks = [dict({"id": ID("net" + n), "name": n, "driver": "overlay", "scope": "swarm", "subnets": [s], "isEncrypted": False, "isInternal": False, "isIngress": False, "isAttachable": False, "createdAt": ms(86400 * 9), "used": u, "total": 254}, **f) for n, s, u, f in nets]
        spec = [("db", "registry.lan:5000/mariadb:11.4.9", 0, 1, [], ["backend"], 1110), ("web", "registry.lan:5000/shop/web:2.4.1", 6, 6, [(8080, 80)], ["ingress", "frontend"], 420), ("api", "registry.lan:5000/shop/api:2.4.1", 6, 6, [], ["frontend", "backend"], 2300), ("worker", "registry.lan:5000/shop/worker:2.4.0", 8, 8, [], ["backend", "jobs"], 3300), ("mysql", "mysql:8.4", 1, 1, [(3306, 3306)], ["ingress", "backend"], 700000), ("cache", "redis:7.4", 2, 2, [], ["backend"], 700000), ("queue", "rabbitmq:4.0", 3, 3, [], ["backend"], 700000), ("hello-world", "tutum/hello-world", 3, 3, [(8081, 80)], ["ingress"], 1820000)]
        if scene == "big":
            spec += [(f"svc-{i}", f"registry.lan/team/svc-{i}:1.{i}", 10, 10, [], ["backend"], 90000 + i * 60) for i in range(92)]
        if scene == "empty":
            spec = []
        self.services, self.tasks = [], []
        for k, (name, image, run, want, ports, networks, ago) in enumerate(spec):
            sid = ID("svc" + name)
            use = {"cpu": [0, 2.4, 1.6, 3.1, .7, .2, .4, .02][k % 8], "memory": [0, 1.9, 1.3, 2.6, 3.4, .4, .96, .023][k % 8] * 2**30, "at": ms(0)}
            s = {"id": sid, "name": name, "image": image, "mode": "replicated", "running": run, "desired": want, "version": 12 + k, "createdAt": ms(ago + 90000), "updatedAt": ms(ago), "ports": [{"published": p, "target": q, "transport": "tcp", "mode": "ingress"} for p, q in ports], "addresses": [{"network": ID("net" + n), "address": f"10.{j}.0.{7 + k}"} for j, n in enumerate(networks)], "networks": [ID("net" + n) for n in networks], "labels": {"com.shop.team": "store"} if name == "web" else {}, "memoryLimit": 512 << 20 if name in ("web", "api") else None, "cpuLimit": None, "constraints": [], "canRollBack": name == "web", "use": use if run else None}
            if name == "web":
                s["update"] = {"state": "updating", "message": "update in progress", "startedAt": ms(420), "parallelism": 2}
            self.services.append(s)
            for slot in range(1, want + 1):
                fresh = name == "web" and slot in (1, 4, 5, 6)
                node = self.nodes[(slot * 7 + len(name)) % len(self.nodes)] if not (name == "web" and slot == 2) else self.nodes[2]
                since = 346 if fresh and slot < 5 else 200 if fresh else OOM - 3 if name == "web" and slot == 2 else ago
                t = {"id": ID(f"{name}.{slot}"), "service": sid, "slot": slot, "node": node["id"], "state": "running", "desired": "running", "image": image if fresh or name != "web" else image.replace("2.4.1", "2.4.0"), "createdAt": ms(since + 3), "since": ms(since), "message": "started", "error": None, "exitCode": None, "container": hashlib.sha256(f"c{name}{slot}".encode()).hexdigest(), "addresses": [{"network": ID("net" + n), "address": f"10.{j}.0.{20 + k * 9 + slot}"} for j, n in enumerate(networks)], "memoryLimit": s["memoryLimit"], "use": {"cpu": .3 + slot * .03, "memory": (200 + slot * 9) * 2**20, "at": ms(0)}}
                if not run:
                    t.update(state="preparing", since=ms(2), use=None, container=None)
                self.tasks.append(t)
            if name == "web":
                self.tasks.append({"id": ID("web.2.old"), "service": sid, "slot": 2, "node": self.nodes[1]["id"], "state": "failed", "desired": "shutdown", "image": image.replace("2.4.1", "2.4.0"), "createdAt": ms(OOM + 1690), "since": ms(OOM), "message": "started", "error": "task: non-zero exit (137): killed by the kernel, out of memory: the limit is 512 MiB, 511.9 MiB were anonymous", "exitCode": 137, "container": "9f31c07ab2e4" + "0" * 52, "addresses": [], "memoryLimit": 512 << 20, "use": None})
                self.tasks.append({"id": ID("web.1.old"), "service": sid, "slot": 1, "node": self.nodes[0]["id"], "state": "shutdown", "desired": "shutdown", "image": image.replace("2.4.1", "2.4.0"), "createdAt": ms(20000), "since": ms(350), "message": "shutdown", "error": None, "exitCode": 0, "container": "aa", "addresses": [], "memoryLimit": None, "use": None})
            if name == "db":
                for i in range(4):
                    self.tasks.append({"id": ID(f"db.1.{i}"), "service": sid, "slot": 1, "node": self.nodes[i % len(self.nodes)]["id"], "state": "rejected", "desired": "shutdown", "image": image, "createdAt": ms(30 + i * 5), "since": ms(29 + i * 270), "message": "preparing", "error": "No such image: registry.lan:5000/mariadb:11.4.9 (manifest unknown: the repository mariadb has no tag 11.4.9; nearest tags: 11.4.8, 11.4.7)", "exitCode": None, "container": None, "addresses": [], "memoryLimit": None, "use": None})
        self.containers = [{"id": "c0ffee" + "0" * 58, "name": "registry", "image": "registry:2", "state": "running", "status": "Up 9 days", "createdAt": ms(86400 * 9), "node": self.nodes[0]["id"], "use": {"cpu": .04, "memory": 61 * 2**20, "at": ms(0)}},
                           {"id": "decade" + "0" * 58, "name": "nightly-backup", "image": "registry.lan:5000/tools/backup:2026.11", "state": "exited", "status": "Exited (0) 5 hours ago", "createdAt": ms(86400 * 3), "node": self.nodes[-1]["id"], "use": None}]
        self.nodes[-1]["moreContainers"] = 3
        self.alerts = [] if scene == "empty" else [{"id": "a1", "rule": "ServiceBelowDesired", "severity": "critical", "kind": "service", "subject": ID("svcdb"), "text": "db: 0 of 1 tasks run for 18 min", "since": ms(1080), "silencedUntil": None}]
        rule = lambda name, metric, comparison, threshold, seconds, severity, origin="shipped", off=False: {"name": name, "metric": metric, "comparison": comparison, "threshold": threshold, "seconds": seconds, "severity": severity, "origin": origin, "isOff": off}
        self.book = {"rules": [rule("ServiceBelowDesired", "service_tasks_missing", ">", 0, 60, "critical"), rule("NodeDown", "node_down", ">", 0, 0, "critical"), rule("DiskFull", "node_disk_free_ratio", "<", .05, 300, "critical", "changed"), rule("OutOfMemory", "service_oom_kills", ">", 0, 0, "warning", off=True), rule("NodeMemory", "node_memory_used_ratio", ">", .9, 300, "warning", "own")],
                     "silences": [{"id": ID("silence"), "alert": "", "labels": {"alertname": "DiskFull", "node": "node-3"}, "until": ms(-7200), "by": "mei", "comment": "new disks on Friday"}],
                     "over": [{"id": "a0", "rule": "OutOfMemory", "severity": "warning", "text": "tasks of service web were killed for want of memory within 10 minutes", "since": ms(OOM), "until": ms(OOM - 600)}]}
        self.paths = []
        for i, a in enumerate(self.nodes[:12]):
            for j, b in enumerate(self.nodes[:12]):
                if i != j:
                    lossy = (i, j) == (1, 2)
                    for kind in ("control", "vxlan", "esp"):
                        self.paths.append({"from": a["id"], "to": b["id"], "kind": kind, "roundTrip": .0011 if lossy else .0002 + .00001 * (i * 3 + j), "loss": .02 if lossy else 0, "mtu": 1400 if lossy else 1450, "at": ms(-4), "advice": "Packets above 1,400 bytes do not pass from node-2 to node-3: the underlay there carries 1,450 and the tunnel takes 50." if lossy else None})
        reachable = 1 if scene == "noquorum" else 3
        self.cluster = {"id": "c1", "name": "production", "node": "node-1", "nodeID": self.nodes[0]["id"], "version": "0.9.0", "managers": 3, "reachable": reachable, "repairs": 0, "hasHistory": scene != "nohistory", "hasTerminal": True}
        e = lambda ago, kind, action, oid, name, **a: {"cursor": f"{ms(ago)}", "time": ms(ago), "type": kind, "action": action, "id": oid, "name": name, "service": a.pop("service", None), "task": a.pop("task", None), "node": a.pop("node", None), "attributes": a}
        sv = lambda n: ID("svc" + n)
        self.events = [] if scene == "empty" else [e(3350, "audit", "scale", sv("worker"), "worker", user="mei", summary="scale worker to 8", service=sv("worker")), e(3347, "task", "running", ID("worker.7"), "worker.7", task=ID("worker.7")), e(2518, "service", "update", sv("api"), "api", service=sv("api")), e(2293, "service", "update", sv("api"), "api", service=sv("api")), e(1649, "container", "health_status: unhealthy", ID("web.2.old"), "web.2", task=ID("web.2.old")), e(OOM, "task", "failed", ID("web.2.old"), "web.2", task=ID("web.2.old"), reason="out of memory"), e(OOM - 3, "task", "running", ID("web.2"), "web.2", task=ID("web.2")), e(1110, "audit", "create", sv("db"), "db", user="mei", summary="create db"), e(1108, "task", "rejected", ID("db.1.0"), "db.1", task=ID("db.1.0"), reason="no such image: " + "long/" * 24), e(830, "node", "update", self.nodes[2]["id"], "node-3", **{"state.new": "down"}), e(720, "node", "update", self.nodes[2]["id"], "node-3", **{"state.new": "ready"}), e(418, "service", "update", sv("web"), "web", service=sv("web")), e(349, "task", "running", ID("web.1"), "web.1", task=ID("web.1")), e(348, "task", "running", ID("web.4"), "web.4", task=ID("web.4")), e(200, "task", "running", ID("web.5"), "web.5", task=ID("web.5")), e(199, "task", "running", ID("web.6"), "web.6", task=ID("web.6"))]

    def meet(self, down):
        """These nodes are lost, and have told nothing for five minutes; the others are there."""
        with self.changed:
            for node in self.nodes:
                up = node["name"] not in down
                node.update(state="ready" if up else "down", message=None if up else "heartbeat failure")
                if node["reachability"]:
                    node["reachability"] = "reachable" if up else "unreachable"
                if not up:
                    node["use"]["at"] = int(time.time() * 1000) - 300_000
            self.cluster["reachable"] = sum(node["reachability"] == "reachable" for node in self.nodes)
            self.revision += 1
            self.changed.notify_all()

    def delta(self):
        for item in self.nodes + self.services + self.tasks:
            if item.get("use") and item.get("state") != "down":
                item["use"]["at"] = int(time.time() * 1000)
        return {"epoch": "sample", "revision": self.revision, "whole": True, "problem": "noSwarm" if self.scene == "noswarm" else None, "gone": {}, "set": {} if self.scene == "noswarm" else {"cluster": [self.cluster], "nodes": self.nodes, "services": self.services, "tasks": self.tasks, "networks": self.networks, "containers": self.containers, "alerts": self.alerts, "paths": self.paths}}

    def metrics(self, q):
        a, b, n = int(q["from"]), int(q["to"]), min(600, int(q.get("points", 240)))
        step = max(1000, (b - a) // n)
        kind, _, oid = q.get("scope", "cluster").partition(":")
        series, by = q["series"], q.get("by")
        if f"{kind} {series} {by or '-'}" not in CONTRACT["charts"]:
            return {"error": "notKept"}, 501
        amount = {"cpu": (1.6, 1.2, 2.5), "memory": (17 * 2**30, 2 * 2**30, 2**30), "network": (20e6, 12e6, 50e6), "drops": (.6, 3, 30), "connections": (180, 90, 620), "retransmits": (1, 4, 46), "throttled": (.01, .05, .6), "faults": (0, 3, 180), "pressure": (.01, .04, .4), "diskio": (3e6, 2e6, 9e6), "processes": (40, 2, 10), "restarts": (0, 0, 0), "loglines": (4e3, 2e3, 30e3), "disk": (.4, .01, 0), "conntrack": (.03, .01, .05), "roundTrip": (.0009, .0005, .0018), "loss": (.001, .02, .2)}.get(series, (1, 1, 1))
        if kind != "cluster":
            amount = tuple(x / (90 if series == "memory" else 6) for x in amount)
        among = {f"service:{s['id']}": s["name"] for s in self.services if s["running"]}
        names = [among[x] for x in q["scope"].split(",") if x in among] if "," in q.get("scope", "") else [x["name"] for x in self.nodes[:8]] if by == "node" else [f"{next((s['name'] for s in self.services if s['id'] == oid), '')}.{t['slot']}" for t in self.tasks if t["service"] == oid and t["state"] == "running"] if by == "task" else {"network": ["in", "out"], "diskio": ["read", "write"], "pressure": ["cpu", "memory", "io"], "memory": ["working set", "anonymous"]}.get(series, [series]) if by == "direction" else [series]
        lines, gaps = [], []
        oldtask = oid == ID("web.2.old")
        for k, name in enumerate(names):
            values = []
            for i in range(n):
                t = (a + i * step) / 1000
                ago = START - t
                silent = name == "node-3" and GAP[1] < ago < GAP[0]
                if oldtask and series == "memory":
                    v = None if ago < OOM else min(512, 512 * (1 - .0187 * (ago - OOM) / 60)) * 2**20 * (1 if k == 0 else .93)
                else:
                    v = None if silent or t > time.time() or (oldtask and ago < OOM) else wave(len(series) * 31 + k * 7, t, amount[0] * (1 - k * .2), amount[1]) + burst(t) * amount[2] * (1 - k * .15)
                values.append(None if v is None else round(v, 6))
            lines.append({"name": name, "values": values})
            if name == "node-3":
                gaps = [{"node": name, "from": ms(GAP[0]), "to": ms(GAP[1])}]
        return {"from": a, "step": step, "lines": lines, "limit": None, "gaps": gaps}, 200

    SAY = {"web": lambda r, b: ("error", 2, '{"level":"error","msg":"GET /checkout","status":503,"ms":%d,"err":"api: deadline exceeded"}' % (3000 + r.random() * 90)) if b > .35 and r.random() < .3 else ("", 1, '{"level":"info","msg":"GET %s","status":200,"ms":%d}' % (r.choice(["/products/4182", "/", "/cart", "/search?q=lamp", "/static/app.css"]), 4 + r.random() * 60)),
           "api": lambda r, b: ("warn", 2, 'level=warn msg="pool exhausted, waiting" waiting=%d max=40' % (r.random() * 80)) if b > .35 and r.random() < .2 else ("", 1, 'level=info msg="%s" order=%d ms=%d' % (r.choice(["order placed", "stock reserved", "price read", "session renewed"]), 18000 + r.random() * 999, 9 + r.random() * 40)),
           "worker": lambda r, b: ("", 2, "retrying upload of %d (2/5)" % (8000 + r.random() * 900)) if r.random() < .08 else ("", 1, "job %d thumbnail done in %d ms" % (8000 + r.random() * 900, 60 + r.random() * 90)),
           "mysql": lambda r, b: ("", 2, "48 [Warning] [MY-013360] plugin sha256_password reported: connection %d" % (r.random() * 9999)),
           "cache": lambda r, b: ("", 1, "1:M 12 Aug 2026 * %d changes in 60 seconds. Saving..." % (100 + r.random() * 900)),
           "queue": lambda r, b: ("", 1, "[info] <0.%d.0> accepting AMQP connection 10.1.0.%d" % (r.random() * 900, 2 + r.random() * 250))}
    RATE = {"web": (.5, 4), "api": (.32, 1.3), "worker": (.4, 0), "mysql": (.03, .2), "cache": (.02, 0), "queue": (.05, 0)}

    def second(self, sec, scopes):
        out, b = [], burst(sec)
        for s in self.services:
            if s["name"] not in self.SAY:
                continue
            r = random.Random(f"{sec} {s['name']}")
            base, more = self.RATE[s["name"]]
            for _ in range(int(base + b * more + r.random())):
                slot, at = 1 + int(r.random() * min(s["desired"], s["running"] or 1)), r.random()
                _, stream, text = self.SAY[s["name"]](r, b)
                task = next(t for t in self.tasks if t["service"] == s["id"] and t["slot"] == slot)
                if slot == 2 and s["name"] == "web" and START - sec > OOM:
                    task = next(t for t in self.tasks if t["id"] == ID("web.2.old"))
                names = {f"service:{s['id']}", f"task:{task['id']}", f"node:{task['node']}", *(f"network:{a['network']}" for a in task["addresses"])}
                if scopes and names.isdisjoint(scopes):
                    continue
                t = sec + at
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(sec)) + f".{int(at * 1e9):09d}Z"
                out.append({"time": t * 1000, "stamp": stamp, "task": task["id"], "node": task["node"], "stream": stream, "text": text})
        return sorted(out, key=lambda l: l["stamp"])

    @staticmethod
    def scopes(q):
        s = q.get("scope") or q.get("tail") or ""
        return None if "cluster" in s or not s else s.split(",")

    def fits(self, l, q):
        if q.get("stderr") and l["stream"] != 2 or q.get("text") and q["text"].lower() not in l["text"].lower():
            return False
        return not q.get("stated") or any(w in l["text"] for w in ("error", "=warn", "[Warning]"))

    def logs(self, q):
        a, b, limit, out = int(q["from"]) / 1000, min(time.time(), int(q["to"]) / 1000), int(q.get("limit", 500)), []
        sec = int(b)
        while sec >= a and len(out) < limit and b - sec < 4000:
            out = [l for l in self.second(sec, self.scopes(q)) if self.fits(l, q) and a * 1000 <= l["time"] <= b * 1000] + out
            sec -= 1
        return {"lines": out[-limit:], "reachedBack": int(out[-limit:][0]["time"]) if len(out) >= limit else int(q["from"]), "notes": []}

    def volume(self, q):
        a, b, n = int(q["from"]), int(q["to"]), int(q.get("buckets", 120))
        step = (b - a) / n
        v = {"from": a, "step": step, "output": [0] * n, "error": [0] * n, "stated": [0] * n}
        skip = max(1, (b - a) // 1000 // 3600)
        for sec in range(a // 1000, min(b // 1000, int(time.time())), skip):
            for l in self.second(sec, self.scopes(q)):
                i = int((l["time"] - a) / step)
                if 0 <= i < n and self.fits(l, q):
                    v["error" if l["stream"] == 2 else "output"][i] += skip
                    if '"error"' in l["text"]:
                        v["stated"][i] += skip
        return v

    def session(self, _):
        return {"user": None if self.scene == "login" else {"name": "mei", "role": "operator"}, "cluster": "production", "fingerprint": "7C:1E:52:9A:04:11:BE:E0:0D:93:7C:1E:52:9A:04:11:BE:E0:0D:93:7C:1E:52:9A:04:11:BE:E0:0D:93:B4:09", "hasAccounts": True, "now": int(time.time() * 1000)}

    def told(self, q):
        found, most = [e for e in self.events if int(q["from"]) <= e["time"] <= int(q["to"])], int(q.get("limit", 500))
        return {"events": found[-most:], "isCut": len(found) > most}

    # By the path below /ui/v1/: an answer with its status.
    READS = {"session": lambda c, q: (c.session(q), 200), "state": lambda c, q: (c.delta(), 200), "query": lambda c, q: c.metrics(q) if c.cluster["hasHistory"] else ({"error": "notKept"}, 501), "logs": lambda c, q: (c.logs(q), 200),
             "logs/volume": lambda c, q: (c.volume(q), 200), "events": lambda c, q: (c.told(q), 200), "alerts": lambda c, q: (c.book, 200)}


def fields(cluster):
    """What is read here and the names in each kind of answer, for who holds them against those of managers."""
    found, q = {}, {"from": ms(3600), "to": ms(-60), "scope": "cluster", "series": "cpu", "by": "node"}

    def look(kind, value):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                found.setdefault(kind, set()).update(item)
                for name, inner in item.items():
                    if name not in ("labels", "attributes"):
                        look(f"{kind}.{name}", inner)

    for kind, items in cluster.delta()["set"].items():
        look(kind, items)
    for path in ("query", "logs", "logs/volume", "events"):
        look(path, Cluster.READS[path](cluster, q)[0])
    look("alertBook", cluster.book)
    return {"reads": [*Cluster.READS, "logs/download", "stream"], "fields": {kind: sorted(names) for kind, names in found.items()}}


class Shell:
    """Says what is typed, in colours, and ends with `exit`."""

    def __init__(self):
        self.told, self.line, self.prompt = queue.Queue(), "", "\x1b[1;32m/ \x1b[0m# "
        self.say(self.prompt)

    def say(self, text):
        self.told.put(text.encode())

    def type(self, text):
        for c in text:
            if c == "\r":
                line, self.line = self.line, ""
                if line == "exit":
                    return self.told.put(None)
                self.say(f"\r\n\x1b[33msaid\x1b[0m: {line}\r\n{self.prompt}")
            elif c == "\x7f":
                self.line = self.line[:-1]
                self.say("\b \b")
            elif c != "\x1b":
                self.line += c
                self.say(c)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None
    done, shells = [], {}

    def log_message(self, *_):
        pass

    def send(self, status, kind, body=b"", **more):
        self.send_response(status)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def json(self, value, status=200):
        self.send(status, "application/json", json.dumps(value).encode())

    def do_GET(self):
        u = urllib.parse.urlsplit(self.path)
        q = dict(urllib.parse.parse_qsl(u.query))
        c = Handler.cluster
        if not u.path.startswith("/ui/"):
            name = u.path[3:] if u.path.startswith("/a/") else "index.html"
            if name not in FILES:
                return self.send(404, "text/plain")
            return self.send(200, TYPES.get(FILES[name].suffix, "text/plain; charset=utf-8"), FILES[name].read_bytes())
        path = u.path[7:]
        if c.scene == "gone" and path != "session":
            return self.json({"error": "unavailable"}, 503)
        if path in c.READS:
            return self.json(*c.READS[path](c, q))
        if path == "logs/download":
            return self.send(200, "text/plain; charset=utf-8", "".join(f"{line['stamp']} {line['text']}\n" for line in c.logs(q)["lines"]).encode())
        if path == "stream":
            return self.stream(q)
        if path.startswith("terminals/"):
            return self.terminal(Handler.shells[path.split("/")[1]])
        self.json({"error": "notFound"}, 404)

    def stream(self, q):
        c = Handler.cluster
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            seen = c.revision
            self.wfile.write(f"event: state\ndata: {json.dumps(c.delta())}\n\n".encode())
            self.wfile.flush()
            if c.scene == "lost":
                time.sleep(1.5)
                Handler.cluster.scene = "gone"
                return
            sec = int(time.time())
            while True:
                with c.changed:
                    c.changed.wait_for(lambda: c.revision != seen, max(0, sec + 1 - time.time()))
                if c.revision != seen:
                    seen = c.revision
                    self.wfile.write(f"event: state\ndata: {json.dumps(c.delta())}\n\n".encode())
                    self.wfile.flush()
                    continue
                lines = c.second(sec, c.scopes(q)) if q.get("tail") else []
                sec += 1
                self.wfile.write((f"event: lines\ndata: {json.dumps(lines)}\n\n" if lines else "event: ping\ndata: {}\n\n").encode())
                self.wfile.flush()
        except OSError:
            return

    def terminal(self, shell):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while True:
            told = shell.told.get()
            kind, data = ("ended", '{"code":3}') if told is None else ("output", base64.b64encode(told).decode())
            self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())
            self.wfile.flush()
            if told is None:
                return

    def do_DELETE(self):
        self.send(204, "application/json")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/sample/fate":
            Handler.cluster.meet(body["down"])
            return self.send(204, "application/json")
        if self.path == "/ui/v1/session":
            return self.json({"error": "wait", "wait": 4}, 429)
        if self.headers.get("X-Apus") != "1":
            return self.json({"error": "crossSite"}, 403)
        name = self.path.removeprefix("/ui/v1/actions/")
        if name != self.path and set(body) != set(CONTRACT["actions"].get(name, ())):
            return self.json({"error": "badRequest"}, 400)
        Handler.done.append((self.path, body))
        if self.path == "/ui/v1/terminals":
            Handler.shells["one"] = Shell()
            return self.json({"id": "one"})
        if self.path.endswith("/input"):
            Handler.shells[self.path.split("/")[4]].type(body["text"])
        if self.path.endswith("/unsilence"):
            Handler.cluster.book["silences"] = [s for s in Handler.cluster.book["silences"] if s["id"] != body["silence"]]
        if self.path.endswith("/scale"):
            for s in Handler.cluster.services:
                if s["id"] == body["service"]:
                    s["desired"] = body["replicas"]
        self.send(204, "application/json")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        if not isinstance(sys.exc_info()[1], OSError):  # Tabs that go are no fault.
            traceback.print_exc()


if __name__ == "__main__":
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--port", type=int, default=8099)
    args.add_argument("--scene", default="shop")
    args.add_argument("--fields", action="store_true", help="prints what is answered and serves nothing")
    args = args.parse_args()
    if args.fields:
        sys.exit(print(json.dumps(fields(Cluster(args.scene)))))
    Handler.cluster = Cluster(args.scene)
    Server(("127.0.0.1", args.port), Handler).serve_forever()
