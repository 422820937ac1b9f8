"""Step 22 of the walkthrough: `docker logs` and `docker service logs`, looked at line by line."""

import concurrent.futures
import os
import re
import subprocess
import threading
import time

from cluster import QUICK, Failure, expect, poll

LINES, PAD = 3000, "x" * 150
WRITER = (f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo \"$HOSTNAME $i {PAD}\"; "
          "if [ $((i%100)) = 0 ]; then echo \"$HOSTNAME err $i\" >&2; sleep 0.02; fi; done; echo \"$HOSTNAME done\"; sleep 1000000")
ERRORS = LINES // 100
TICKER = "i=0; while true; do i=$((i+1)); echo \"$HOSTNAME $i\"; sleep 0.1; done"


class Reader:
    """A running docker command whose output is read line by line, or held back."""

    def __init__(self, node, *arguments, reads=True):
        env = dict(os.environ, DOCKER_HOST=node.docker_host, DOCKER_CLI_HINTS="false", LANG="C.UTF-8")
        self.process = subprocess.Popen(["docker", *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = [], []
        self.threads = [threading.Thread(target=self.collect, args=pair, daemon=True)
                        for pair in [(self.process.stderr, self.err)] + ([(self.process.stdout, self.out)] if reads else [])]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def collect(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def read_on(self):
        self.threads.append(threading.Thread(target=self.collect, args=(self.process.stdout, self.out), daemon=True))
        self.threads[-1].start()

    def end(self, seconds):
        """The exit code; fails when there is none in time."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"no end within {seconds} s")
        for thread in self.threads:
            thread.join(10)
        return code

    def stop(self):
        self.process.kill()
        self.process.wait()


def check_sorted(lines, what):
    stamps = [line.split(" ", 1)[0] for line in lines]
    bad = next((index for index in range(1, len(stamps)) if stamps[index] < stamps[index - 1]), None)
    expect(bad is None, f"{what} is out of order at line {bad}: {lines[bad - 1][:80] if bad else ''} | {lines[bad][:80] if bad else ''}")


def check_container(node):
    """`docker logs` with each of its flags."""
    name = "walk-logs"
    node.docker("rm", "-f", name, check=False)
    refused = node.docker("run", "--rm", "--log-opt", "bogus=1", "busybox", "true", check=False)
    expect("unknown log opt 'bogus' for json-file log driver" in refused.err, refused.text)
    try:
        node.docker("run", "-d", "--name", name, "--label", "color=blue", "--log-opt", "labels=color", "busybox",
                    "sh", "-c", "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.3; done; echo last >&2")
        followed = Reader(node, "logs", "-f", name)
        expect(followed.end(60) == 0, f"logs -f: {followed.err}")
        wanted = [f"line {number}" for number in range(1, 7)]
        expect((followed.out, followed.err) == (wanted, ["last"]), f"logs -f: {followed.out} {followed.err}")
        expect(node.docker("logs", name).out.splitlines() == wanted, "logs")
        tail = node.docker("logs", "--tail", "3", name)
        expect((tail.out.splitlines(), tail.err.splitlines()) == (wanted[4:], ["last"]), f"--tail 3: {tail.text}")
        stamped = node.docker("logs", "-t", name).out.splitlines()
        check_sorted(stamped, "logs -t")
        moment = stamped[3].split(" ", 1)[0]
        since = node.docker("logs", "--since", moment, name).out.splitlines()
        expect(since == wanted[3:], f"--since the fourth line: {since}")
        until = node.docker("logs", "--until", moment, name)
        expect((until.out.splitlines(), until.err) == (wanted[:4], ""), f"--until the fourth line: {until.text}")
        details = node.docker("logs", "--details", "--tail", "2", name).out.splitlines()
        expect(details == ["color=blue line 6"], f"--details: {details}")
        node.docker("rm", name)
        node.docker("run", "-dt", "--name", name, "busybox", "echo", "from a terminal")
        poll(30, "a terminal's line", lambda: node.docker("logs", name).out == "from a terminal\r\n" and not node.docker("logs", name).err)
    finally:
        node.docker("rm", "-f", name, check=False)


def check_packed(node):
    """F4: files that are full are packed, and every flag reads them."""
    name = "walk-packed"
    node.docker("rm", "-f", name, check=False)
    refused = node.docker("create", "--log-opt", "compress=true", "busybox", "true", check=False)
    expect("compress cannot be true when max-file is less than 2 or max-size is not set" in refused.err, refused.text)
    try:
        node.docker("run", "-d", "--name", name, "--label", "color=blue", "--log-opt", "max-size=200k", "--log-opt", "max-file=9", "--log-opt", "compress=true",
                    "--log-opt", "labels=color", "--log-opt", "tag={{.Name}}", "busybox", "sh", "-c", f"i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo $i {PAD}; done")
        node.docker("wait", name, timeout=180)
        path = node.inspect("container", name)["LogPath"]
        poll(60, "packed files", lambda: [file for file in node.inside("sh", "-c", f"ls {path}.*").out.split() if file.endswith(".gz")][2:]
             and not [file for file in node.inside("sh", "-c", f"ls {path}.*").out.split() if file.rsplit(".", 1)[1].isdigit()])
        wanted = [f"{number} {PAD}" for number in range(1, 4001)]
        expect(node.docker("logs", name).out.splitlines() == wanted, "logs of packed files")
        tail = node.docker("logs", "-t", "--tail", "3500", name).out.splitlines()
        expect([line.split(" ", 1)[1] for line in tail] == wanted[500:], "--tail of packed files")
        moment = tail[700].split(" ", 1)[0]
        since = node.docker("logs", "--since", moment, name).out.splitlines()
        expect(since == wanted[4000 - len(since):] and len(since) >= 2800, f"--since of packed files: {len(since)} lines")
        details = node.docker("logs", "--details", "--tail", "1", name).out.split(" ")[0]
        expect(details == "color=blue,tag=walk-packed", f"--details: {details}")
        whole = node.inside("sh", "-c", f"zcat {path}.1.gz | head -n 1").out
        expect(whole.endswith(f"stdout F 1 {PAD}\n"), f"zcat: {whole[:100]}")
    finally:
        node.docker("rm", "-f", name, check=False)


def check_details(cluster, service):
    """What log options name of tasks' containers."""
    cluster.running(service, len(cluster.nodes))

    def told():
        lines = cluster.manager.docker("service", "logs", "--details", "--raw", service).out.splitlines()
        expect(len(lines) == len(cluster.nodes), f"{len(lines)} lines")
        return lines
    lines = poll(30, "a line of every task", told)
    wrong = [line for line in lines if not line.endswith(" hello") or not {"ZONE=a", "color=dark+blue"} <= set(re.split("[ ,]", line))]
    expect(not wrong, f"service logs --details: {wrong[:2]}")


def check_slow_reader(node):
    """F5: a reader that stands still does not hold up the container, and gets everything when it goes on."""
    name = "walk-slow"
    node.docker("rm", "-f", name, check=False)
    try:
        node.docker("create", "--name", name, "busybox", "sh", "-c", f"i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo $i {PAD}; done")
        node.docker("start", name)
        reader = Reader(node, "logs", "-f", name, reads=False)
        waited = node.docker("wait", name, timeout=180)
        expect(waited.out.strip() == "0", f"wait: {waited.text}")
        expect(reader.process.poll() is None, "the reader had all of it before it read")
        reader.read_on()
        expect(reader.end(180) == 0, f"logs -f: {reader.err}")
        numbers = [int(line.split(" ", 1)[0]) for line in reader.out]
        expect(numbers == list(range(1, 40001)), f"{len(numbers)} lines, not 1 to 40000")
    finally:
        node.docker("rm", "-f", name, check=False)


def check_lines(cluster, service, places):
    """F1: every line of every task, once and in order; what the flags choose of them."""
    manager = cluster.manager
    stamped = manager.docker("service", "logs", "-t", service)
    out, err = stamped.out.splitlines(), stamped.err.splitlines()
    check_sorted(out, "standard output")
    check_sorted(err, "standard error")
    pattern = re.compile(rf"(\S+) {service}\.(\d)\.([0-9a-z]{{12}})@(\S+)\s+\| (\S+) (\S+)( .*)?")
    parsed = [pattern.fullmatch(line) for line in out]
    expect(all(parsed), f"a line that is not as Docker's: {next((line for line, match in zip(out, parsed) if not match), '')}")
    tasks = {}
    for match in parsed:
        tasks.setdefault((match[2], match[3], match[4], match[5]), []).append(match[6])
    expect(len(tasks) == 9 and {key[2] for key in tasks} == set(places), f"tasks: {sorted(key[:3] for key in tasks)}")
    wanted = [str(number) for number in range(1, LINES + 1)] + ["done"]
    wrong = [key[0] for key, lines in tasks.items() if lines != wanted]
    expect(not wrong, f"lines of tasks {wrong} are not 1 to {LINES} and done")
    expect(len(err) == 9 * ERRORS, f"{len(err)} lines on standard error, not {9 * ERRORS}")
    # Both streams in one: the order of all. Stamps are shared where one read had several lines.
    both = sorted(out + err, key=lambda line: line.split(" ", 1)[0])
    tail = manager.docker("service", "logs", "-t", "--tail", "10", service)
    last = tail.out.splitlines() + tail.err.splitlines()
    expect(sorted(line.split(" ", 1)[0] for line in last) == [line.split(" ", 1)[0] for line in both[-10:]] and set(last) <= set(both),
           f"--tail 10: {last}")
    again = manager.docker("service", "logs", "-t", "--tail", "10", service)
    expect(again.out == tail.out and again.err == tail.err, f"--tail 10 for the second time: {again.text}")
    moment = both[-500].split(" ", 1)[0]
    since = manager.docker("service", "logs", "-t", "--since", moment, service)
    expect(since.out.splitlines() == [line for line in out if line.split(" ", 1)[0] >= moment], f"--since {moment}: {len(since.out.splitlines())} lines")
    return tasks, len(out) + len(err)


def check_shapes(cluster, service, tasks):
    """--raw, --no-trunc, --no-resolve, --no-task-ids, --details, and the logs of one task."""
    manager = cluster.manager

    def line(*flags):
        return manager.docker("service", "logs", "--tail", "1", *flags, service).text.splitlines()[-1]
    for flag, shape in {
        "--raw": r"[0-9a-f]{12} \S+", "--no-trunc": rf"{service}\.\d\.[0-9a-z]{{25}}@node-", "--no-resolve": r"[0-9a-z]{25}\.\d\.[0-9a-z]{12}@[0-9a-z]{25} ",
        "--no-task-ids": rf"{service}\.\d@node-", "--details": rf"{service}\.\d\.[0-9a-z]{{12}}@node-\d\s+\|  ?[0-9a-f]{{12}} ",
    }.items():
        seen = line(flag)
        expect(re.match(shape, seen), f"{flag}: {seen}")
    slot, task, node, host = sorted(tasks)[0]
    own = manager.docker("service", "logs", "--raw", task).out.splitlines()
    expect(len(own) == LINES + 1 and all(text.startswith(host) for text in own), f"logs of task {task}: {len(own)} lines")
    for text in [manager.docker("service", "logs", "nosuch", check=False).err]:
        expect("no such task or service: nosuch" in text, text)
    for worker in [node for node in cluster.nodes if node.role == "worker"][:1]:
        refused = worker.docker("service", "logs", service, check=False)
        expect(refused.code == 1 and "not a swarm manager" in refused.err, f"on a worker: {refused.text}")


def check_dying_node(cluster, written, ticking):
    """F2: a node's daemon is killed while one client reads and another follows. The first ends and names the node, and so does who asks again; the other
    names it, goes on with the rest, and when the node is back nothing is lost or told twice. Returns the node, the seconds of the first two, and how
    many lines were followed."""
    manager, is_back = cluster.manager, True
    victim = [node for node in cluster.nodes if node.role == "worker"][-1]
    follower = Reader(manager, "service", "logs", "-f", "--raw", ticking)
    reader = Reader(manager, "service", "logs", written, reads=False)

    def numbers():
        found = {}
        for line in list(follower.out):
            host, number = line.split(" ")
            found.setdefault(host, []).append(int(number))
        return found

    try:
        poll(30, "lines of every task", lambda: len(numbers()) == len(cluster.nodes))
        host = victim.inspect("container", victim.containers(ticking)[0])["Config"]["Hostname"]
        expect(reader.process.stdout.readline(), "no line at all")
        is_back = False
        cluster.lab("kill", victim.name)
        begun = time.monotonic()
        reader.read_on()
        poll(15, f"{victim.name} is named", lambda: any(f"node {victim.name} does not answer" in line for line in list(follower.err)))
        before = {name: len(lines) for name, lines in numbers().items()}
        code = reader.end(max(1, begun + 15 - time.monotonic()))
        took = time.monotonic() - begun
        text = "\n".join(reader.err)
        expect(code == 1 and f"node {victim.name} is not available" in text, f"ended with {code}: {text[-300:]}")
        expect(f"[node {victim.name} does not answer" in text, f"nothing in its place: {text[-300:]}")
        begun = time.monotonic()
        result = manager.docker("service", "logs", "--tail", "1", written, check=False, timeout=15)
        expect(result.code == 1 and f"node {victim.name} is not available" in result.err, f"asked again: {result.text}")
        again = time.monotonic() - begun
        poll(30, "lines of the others go on", lambda: all(
            len(lines) > before[name] + 10 for name, lines in numbers().items() if name != host))
        cluster.lab("restart", victim.name)
        is_back = True
        poll(60, f"lines of {victim.name} come again", lambda: len(numbers()[host]) > before[host] + 20)
        wrong = [name for name, lines in numbers().items() if lines != list(range(1, len(lines) + 1))]
        expect(not wrong, f"lost or told twice: {[numbers()[name][-60:] for name in wrong]}")
        expect(follower.process.poll() is None, f"the command has ended: {follower.err}")
        return victim, took, again, sum(len(lines) for lines in numbers().values())
    finally:
        reader.stop()
        follower.stop()
        if not is_back:
            cluster.lab("restart", victim.name)
        cluster.ready()


def check_terminal(cluster, service):
    manager = cluster.manager
    cluster.running(service, 1)
    poll(30, "a terminal's line", lambda: manager.docker("service", "logs", "--raw", service).out == "from a terminal\r\n")
    refused = manager.docker("service", "logs", service, check=False)
    expect(refused.code == 1 and "tty service logs only supported with --raw" in refused.err, refused.text)


# What each service is made with.
SERVICES = {
    "walk-lines": ["--replicas", "9", "busybox", "sh", "-c", WRITER],
    "walk-ticks": ["--mode", "global", "busybox", "sh", "-c", TICKER],
    "walk-tty": ["--tty", "busybox", "sh", "-c", "echo from a terminal; sleep 1000000"],
    "walk-details": ["--mode", "global", "--container-label", "color=dark blue", "--env", "ZONE=a", "--log-driver", "json-file", "--log-opt", "labels=color",
                     "--log-opt", "env=ZONE", "busybox", "sh", "-c", "echo hello; sleep 1000000"],
}


def check_services(cluster):
    """`docker service logs`; returns what was seen, in words."""
    written, ticking, terminal, detailed = SERVICES
    for name, words in SERVICES.items():
        cluster.manager.docker("service", "create", "-d", *QUICK, "--name", name, *words)
    check_terminal(cluster, terminal)
    check_details(cluster, detailed)
    places = cluster.running(written, 9)
    missing = [(node, container) for node in cluster.nodes for container in node.containers(written)]

    def all_written():
        # The last line of standard error may come after it.
        while missing and missing[-1][0].docker("logs", "--tail", "3", missing[-1][1]).out.endswith(" done\n"):
            missing.pop()
        return not missing
    poll(180, "every task has written all", all_written, 1)
    tasks, count = check_lines(cluster, written, places)
    check_shapes(cluster, written, tasks)
    cluster.running(ticking, len(cluster.nodes))
    victim, mid, after, ticks = check_dying_node(cluster, written, ticking)
    return (f"{count} lines of 9 tasks on {len(places)} nodes, in order, none lost or told twice; --tail, --since, --details, --raw and the rest; "
            f"with {victim.name} dying the command ended within {mid:.1f} s and named it, asked again after {after:.1f} s; "
            f"{ticks} lines followed over its return")


def check_containers(node):
    check_container(node)
    check_packed(node)
    check_slow_reader(node)


def step22(cluster):
    """`docker logs`, `docker service logs`"""
    cluster.remove_service(*SERVICES)
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            beside = pool.submit(check_containers, cluster.manager)
            said = check_services(cluster)
            beside.result()
            return said
    finally:
        cluster.remove_service(*SERVICES)


STEPS = {22: step22}
