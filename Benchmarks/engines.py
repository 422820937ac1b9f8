"""Times and memory of two engines, one asked after the other, round by round."""

import statistics
import threading
import time

from api import Refused

SLEEP = ["sleep", "1000000"]


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


class Rounds:
    """Runs one measurement on every engine in turn, so that what else the machine does meets all alike."""

    def __init__(self, engines, image):
        self.engines, self.image = engines, image

    def medians(self, rounds, measure):
        found = {name: [] for name in self.engines}
        for number in range(rounds):
            names = list(self.engines)
            for name in names if number % 2 == 0 else reversed(names):
                found[name].append(measure(self.engines[name]))
        return {name: statistics.median(values) for name, values in found.items()}

    def run(self, rounds):
        """Create, start and wait for the end of `true`; removing it is not counted."""
        def measure(engine):
            made = []
            def once():
                made.append(engine.create(self.image, ["true"]))
                engine.start(made[0])
                if engine.wait(made[0]) != 0:
                    raise Refused("`true` failed")
            took = timed(once)
            engine.remove(made[0])
            return took
        return self.medians(rounds, measure)

    def start_many(self, rounds, count):
        """So many containers, made before, started at once, until each is told as started."""
        def measure(engine):
            made = [engine.create(self.image, SLEEP) for _ in range(count)]
            faults = []
            def start(container):
                try:
                    engine.start(container)
                except (OSError, Refused) as fault:
                    faults.append(fault)
            threads = [threading.Thread(target=start, args=(container,)) for container in made]
            def all_at_once():
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            took = timed(all_at_once)
            for container in made:
                engine.remove(container)
            if faults:
                raise faults[0]
            return took
        return self.medians(rounds, measure)

    def networks(self, rounds):
        """A bridge network made; the same removed."""
        removals = {name: [] for name in self.engines}
        def measure(engine):
            made = []
            took = timed(lambda: made.append(engine.ask("POST", "/networks/create", {"Name": "bench", "CheckDuplicate": True})["Id"]))
            name = next(name for name, other in self.engines.items() if other is engine)
            removals[name].append(timed(lambda: engine.ask("DELETE", f"/networks/{made[0]}")))
            return took
        created = self.medians(rounds, measure)
        return created, {name: statistics.median(values) for name, values in removals.items()}

    def exec(self, rounds):
        """`true` run in a running container, until its exit code is known."""
        containers = {}
        try:
            for name, engine in self.engines.items():
                containers[name] = engine.create(self.image, SLEEP)
                engine.start(containers[name])
            def measure(engine):
                name = next(name for name, other in self.engines.items() if other is engine)
                def once():
                    if engine.execute(containers[name], ["true"]) != 0:
                        raise Refused("`true` failed")
                return timed(once)
            return self.medians(rounds, measure)
        finally:
            for name, container in containers.items():
                self.engines[name].remove(container)

    def service(self, rounds, count, at_full=lambda name: None):
        """A service of so many tasks on a swarm of one node, until all run. `at_full` is called while they do."""
        def measure(engine):
            name = next(name for name, other in self.engines.items() if other is engine)
            service = f"bench{count}"
            def until_running():
                engine.service(service, self.image, SLEEP, count)
                end = time.monotonic() + 240
                while engine.running(service) < count:
                    if time.monotonic() > end:
                        raise Refused(f"{engine.running(service)} of {count} tasks run after 240 s")
                    time.sleep(0.05)
            took = timed(until_running)
            time.sleep(2)  # For what follows a start in the daemons: memory is looked at in between.
            at_full(name)
            engine.remove_service(service)
            return took
        return self.medians(rounds, measure)


def proportional(pids):
    """Memory of processes in MiB, what they share divided among those who share it (proc_pid_smaps(5), Pss)."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1024
