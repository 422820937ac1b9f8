"""Kills processes of a lab at random moments while something is under way there."""

import os
import random
import threading
import time

import invariants
from cluster import Failure

KINDS = ["apusd", "conmon", "runtime", "etcd"]
PROBE_INTERVAL = 0.004  # seconds between two looks for a process that lives for some hundredths of a second
YOUTH = 0.5  # seconds after which a process that is another program stays it
LONGEST_LIFE = 0.06  # seconds after its appearance at which such a process is killed at the latest
LONGEST_DEATH = 2  # seconds until a killed daemon is started again


class Kill:
    """One that was done: what, when (seconds since the step began), and the container that lost its monitor."""

    def __init__(self, words, moment, orphan=None):
        self.words, self.moment, self.orphan = words, moment, orphan


class Killer:
    """`points` kills in about `length` seconds of steps: its clock goes only while one is under way."""

    def __init__(self, cluster, points, seed, length):
        self.cluster, self.random = cluster, random.Random(seed)
        self.points, self.gap = points, 2 * length / points
        self.done, self.failure = 0, None
        self.snapshots, self.kills = [], []
        self.revivals = []
        self.changed = threading.Condition()
        self.began = None  # when the step began that is under way
        self.is_acting = False
        threading.Thread(target=self.run, daemon=True).start()

    # MARK: from the steps' side

    def begin(self):
        with self.changed:
            self.snapshots, self.kills = [], []
            self.began = time.monotonic()
            self.changed.notify_all()

    def end(self):
        """Nothing is killed any more when this returns, and every daemon runs again. Returns the kills of the step and the snapshots before them."""
        with self.changed:
            self.began = None
            self.changed.wait_for(lambda: not self.is_acting)
        for thread in self.revivals:
            thread.join()
        self.revivals = []
        if self.failure:
            raise self.failure
        for node in self.cluster.nodes:
            # One that the step has killed and could not start again.
            if not invariants.processes(node, "apusd"):
                self.cluster.lab("restart", node.name)
                for kill in self.kills:
                    if kill.words.startswith(f"apusd of {node.name}"):
                        kill.words += " (it did not run at the end of the step)"
        self.cluster.refresh()
        return self.kills, self.snapshots

    # MARK: the killer's thread

    def run(self):
        try:
            while self.done < self.points:
                gap, kind, choice = self.random.uniform(0, self.gap), self.random.choice(KINDS), self.random.random()
                after, life = self.random.uniform(0, LONGEST_DEATH), self.random.uniform(0, LONGEST_LIFE)
                self.wait(gap)
                while not self.attempt(kind, choice, life, after):
                    # None of the kind came in this step: in the next, then.
                    with self.changed:
                        ended = self.began
                        self.changed.wait_for(lambda: self.began not in (None, ended))
        except Exception as error:  # Told by `end`: a thread's own end would tell nobody.
            self.failure = error if isinstance(error, Failure) else Failure(f"the killer: {error!r}")
            with self.changed:
                self.is_acting = False
                self.changed.notify_all()

    def wait(self, seconds):
        while seconds > 0:
            with self.changed:
                self.changed.wait_for(lambda: self.began is not None)
                before = time.monotonic()
                self.changed.wait_for(lambda: self.began is None, timeout=seconds)
                seconds -= time.monotonic() - before

    def attempt(self, kind, choice, life, after):
        """Kills one of the kind while the step is under way; false when there was none until its end."""
        with self.changed:
            self.changed.wait_for(lambda: self.began is not None)
            began, self.is_acting = self.began, True
        try:
            snapshot = self.cluster.snapshot()
            old, end = set(os.listdir("/proc")), time.monotonic() + YOUTH
            while True:
                victims = invariants.victims(self.cluster.nodes, kind, old if time.monotonic() > end else ())
                if victims:
                    if kind == "runtime":
                        time.sleep(life)
                    if self.kill(kind, *victims[int(choice * len(victims))], began, snapshot, after):
                        return True
                    # It had ended before: the next one sooner.
                    life /= 2
                if self.began != began:
                    return False
                time.sleep(PROBE_INTERVAL)
        finally:
            with self.changed:
                self.is_acting = False
                self.changed.notify_all()

    def kill(self, kind, node, pid, began, snapshot, after):
        watched = invariants.monitored(pid) if kind == "conmon" else None
        name, moment = invariants.read(f"/proc/{pid}/comm").strip(), time.monotonic() - began
        if not invariants.shoot(pid):
            return False
        words = f"{name or kind} of {node.name}"
        if watched:
            words += f" ({'a command in ' if watched[1] else ''}{watched[0][:12]})"
        self.done += 1
        self.snapshots.append(snapshot)
        self.kills.append(Kill(words, moment, watched[0] if watched and not watched[1] else None))
        if kind == "apusd":
            self.kills[-1].words += f", started again after {after:.1f} s"
            self.revivals.append(threading.Thread(target=self.revive, args=(node, pid, after)))
            self.revivals[-1].start()
        return True

    def revive(self, node, pid, after):
        time.sleep(after)
        # One that the kernel has not ended yet, as it is in a call that is not broken off, is not one that somebody has started.
        while pid in invariants.processes(node, "apusd"):
            time.sleep(PROBE_INTERVAL)
        for _ in range(self.points):
            kills = len(self.kills)
            try:
                # By another revival meanwhile, or by the step.
                if not invariants.processes(node, "apusd"):
                    self.cluster.lab("restart", node.name)
                return
            except Failure as failure:
                if not any(kill.words.startswith(f"apusd of {node.name}") for kill in self.kills[kills:]):
                    self.failure = failure
                    return
