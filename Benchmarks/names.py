"""How many names a second an engine's resolver answers in a container: dnsperf in its network, five names in turn."""

import glob
import os
import re
import subprocess
import time

from api import Refused
from peer import fetch

PACKAGES = ["dnsperf", "libldns3", "libnghttp2-14"]
RESOLVER = "127.0.0.11"
SLEEP = ["sleep", "1000000"]
COUNT = 5


class Names:
    """One engine. What it makes stays until the engine goes: `containers` and `services` return the process of a container that asks."""

    def __init__(self, engine, image):
        self.engine, self.image = engine, image

    def containers(self):
        """Five containers of a bridge network, and one more that asks."""
        network, names = "bench-names", [f"bench-name-{number}" for number in range(1, COUNT + 1)]
        self.engine.ask("POST", "/networks/create", {"Name": network, "CheckDuplicate": True})
        for name in names:
            self.container(name, network)
        return self.container("bench-asker", network), names

    def services(self):
        """Five services of an overlay, and a container that asks."""
        network, names = "bench-service-names", [f"bench-service-{number}" for number in range(1, COUNT + 1)]
        self.engine.ask("POST", "/networks/create", {"Name": network, "Driver": "overlay", "Attachable": True, "CheckDuplicate": True})
        for name in names:
            self.engine.ask("POST", "/services/create", {
                "Name": name, "Mode": {"Replicated": {"Replicas": 1}},
                "TaskTemplate": {
                    "ContainerSpec": {"Image": self.image, "Command": SLEEP, "StopSignal": "SIGKILL"}, "Networks": [{"Target": network}]}})
        self.until(120, "the services run", lambda: all(self.engine.running(name) == 1 for name in names))
        return self.container("bench-service-asker", network), names

    def container(self, name, network):
        body = {"Image": self.image, "Cmd": SLEEP, "StopSignal": "SIGKILL", "HostConfig": {"NetworkMode": network}}
        made = self.engine.ask("POST", "/containers/create", body, {"name": name})["Id"]
        self.engine.start(made)
        return self.engine.ask("GET", f"/containers/{made}/json")["State"]["Pid"]

    @staticmethod
    def until(seconds, what, attempt):
        end = time.monotonic() + seconds
        while not attempt():
            if time.monotonic() > end:
                raise Refused(f"{what}: not within {seconds} s")
            time.sleep(0.2)


class Asker:
    """dnsperf, unpacked below a directory, in the network of a process."""

    def __init__(self, directory, pid, names):
        programs = fetch(directory, PACKAGES, "usr/bin/dnsperf")
        self.file = os.path.join(directory, "names.txt")
        with open(self.file, "w") as file:
            file.writelines(f"{name} A\n" for name in names)
        libraries = ":".join(glob.glob(os.path.join(programs, "usr/lib/*-linux-gnu")))
        self.command = ["nsenter", "-t", str(pid), "--net", "--", "env", f"LD_LIBRARY_PATH={libraries}",
                        os.path.join(programs, "usr/bin/dnsperf"), "-s", RESOLVER, "-d", self.file]

    def ask(self, *options):
        """What dnsperf says: how many answers there were, how many of them without an error, how many were missing, and how many came a second."""
        done = subprocess.run([*self.command, *options], capture_output=True, text=True, timeout=60)
        found = [re.search(pattern, done.stdout) for pattern in (
            r"Queries completed:\s+(\d+)", r"NOERROR (\d+)", r"Queries lost:\s+(\d+)", r"Queries per second:\s+([\d.]+)")]
        completed, good, lost, rate = (float(one[1]) if one else 0.0 for one in found)
        if done.returncode != 0 or not found[0]:
            raise Refused(f"dnsperf: {(done.stderr or done.stdout)[-300:]}")
        return completed, good, lost, rate

    def ready(self):
        """Whether each name has an answer."""
        _, good, lost, _ = self.ask("-n", "1", "-t", "2")
        return good == COUNT and lost == 0

    def rate(self, seconds):
        """Answers a second; none of them tells of an error, and next to none is missing."""
        completed, good, lost, rate = self.ask("-l", str(seconds))
        if good < completed or lost > completed / 100 or rate == 0:
            raise Refused(f"of {completed:.0f} answers {good:.0f} tell of no error, and {lost:.0f} are missing")
        return rate
