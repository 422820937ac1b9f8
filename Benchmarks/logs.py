#!/usr/bin/python3
"""What logs cost: lines for each second of processor time that an engine's processes take, and how soon the last minute of a long log is there.

Run as a program it is the receiver of `fluentd`, which counts: logs.py PORT FILE.
"""

import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

PORT = 24997
NAME = "bench-log"
TICK = os.sysconf("SC_CLK_TCK")
# A hundred bytes with its end.
LINE = "a line of a log as programs write them, neither long nor short, with 0123456789 and some words behind"[:99]


def receive(port, path):
    import msgpack
    total, lock = [0], threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            unpacker = msgpack.Unpacker(raw=True, max_buffer_size=256 << 20)
            while data := self.request.recv(1 << 20):
                unpacker.feed(data)
                count = 0
                for message in unpacker:
                    if isinstance(message[1], bytes):
                        count += message[2][b"size"]
                        if b"chunk" in message[2]:
                            self.request.sendall(msgpack.packb({b"ack": message[2][b"chunk"]}, use_bin_type=False))
                    else:
                        count += 1
                with lock, open(path, "w") as file:
                    total[0] += count
                    file.write(str(total[0]))

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler).serve_forever()


def processor_seconds(pids):
    """Time of user and system that these processes have taken."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                words = file.read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(words[11]) + int(words[12])
    return total / TICK


class LogCost:
    """One engine: `pids` tells the processes whose time counts, `enter` how to run a program in its network namespace."""

    def __init__(self, engine, image, pids, enter):
        self.engine, self.image, self.pids, self.enter = engine, image, pids, enter

    def lines_a_second(self, driver, options, lines):
        """A container writes as fast as it is taken, and stays; what has been taken by the end is divided by the time that it took."""
        with tempfile.TemporaryDirectory(prefix="bench-log.") as directory:
            receiver = self.receiver(directory) if driver == "fluentd" else None
            made = None
            try:
                script = f"sleep 1; touch /out/begun; while [ ! -e /out/go ]; do sleep 0.1; done; yes '{LINE}' | head -n {lines}; touch /out/done; exec sleep 1000000"
                made = self.engine.ask("POST", "/containers/create", {
                    "Image": self.image, "Cmd": ["sh", "-c", script], "StopSignal": "SIGKILL",
                    "HostConfig": {"NetworkMode": "none", "Binds": [f"{directory}:/out"], "LogConfig": {"Type": driver, "Config": options}}},
                    {"name": NAME})["Id"]
                self.engine.start(made)
                self.until(lambda: os.path.exists(f"{directory}/begun"), 60)
                pids = self.pids()
                before = processor_seconds(pids)
                open(f"{directory}/go", "w").close()
                self.until(lambda: os.path.exists(f"{directory}/done"), 600)
                if receiver:
                    self.until(lambda: self.count(directory) >= lines, 600)
                else:
                    time.sleep(1)  # For what is still in pipes.
                return lines / max(processor_seconds(pids) - before, 1 / TICK)
            finally:
                if made:
                    self.engine.remove(made)
                if receiver:
                    subprocess.run([*self.enter, "kill", "-KILL", open(f"{directory}/pid").read().strip()], check=False)
                    receiver.wait(timeout=20)

    def receiver(self, directory):
        process = subprocess.Popen(
            [*self.enter, "sh", "-c", 'echo $$ >"$0"; exec "$@"', f"{directory}/pid", "/usr/bin/python3", os.path.abspath(__file__), str(PORT), f"{directory}/count"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.until(lambda: f":{PORT} " in subprocess.run([*self.enter, "ss", "-ltn"], capture_output=True, text=True).stdout, 20)
        return process

    @staticmethod
    def count(directory):
        try:
            return int(open(f"{directory}/count").read() or 0)
        except FileNotFoundError:
            return 0

    @staticmethod
    def until(test, seconds):
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                raise ValueError(f"not within {seconds} s")
            time.sleep(0.05)

    def last_minute(self, total, rounds, root):
        """The median time of `logs --since 1m` on a log of so many bytes, of which a hundred lines are of the last minute. `root`: where the engine's files are seen."""
        options = {"max-size": str(total // 5), "max-file": "10"}
        made = self.engine.ask("POST", "/containers/create", {
            "Image": self.image, "Cmd": ["true"], "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "json-file", "Config": options}}}, {"name": NAME})["Id"]
        try:
            self.engine.start(made)
            self.engine.wait(made)
            path = root + self.engine.ask("GET", f"/containers/{made}/json")["LogPath"]
            write_log(path, total)
            times = []
            for _ in range(rounds):
                since = time.time() - 60
                began = time.monotonic()
                text = self.engine.ask("GET", f"/containers/{made}/logs", query={"stdout": "1", "since": f"{since:.9f}"})
                times.append(time.monotonic() - began)
                if text.count("of the last minute") != 100:
                    raise ValueError(f"{text.count('of the last minute')} lines of the last minute, not 100")
            return sorted(times)[len(times) // 2]
        finally:
            self.engine.remove(made)


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds))) + f".{int(seconds % 1 * 1e9):09d}+00:00"


def write_log(path, total):
    """Five files of real lines, of ten hours up to two minutes ago, and a hundred of this minute."""
    now, block = time.time(), 64 << 10
    blocks, mark = total // block, "@" * len(stamp(now))
    lines = block // (len(mark) + len(" stdout F ") + len(LINE) + 1)
    pattern = f"{mark} stdout F {LINE}\n".encode() * lines
    for number in range(5):
        with open(f"{path}.{number + 1}" if number < 4 else path, "wb", buffering=8 << 20) as file:
            for index in range(number * blocks // 5, (number + 1) * blocks // 5):
                moment = stamp(now - 36_000 + index / blocks * 35_880)
                file.write(pattern.replace(mark.encode(), moment.encode()))
            if number == 4:
                for index in range(100):
                    file.write(f"{stamp(now - 20 + index / 10)} stdout F {index} of the last minute\n".encode())


if __name__ == "__main__":
    receive(int(sys.argv[1]), sys.argv[2])
