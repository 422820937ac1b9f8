"""Debian's Docker engine beside Apus: downloaded and unpacked, never installed, and started by hand with directories, a socket, cgroups,
a mount and a network namespace of its own, so that nothing of this machine's changes."""

import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

from api import Engine, Refused

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Acceptance"))
from proc import link, read  # noqa: E402

PACKAGES = ["docker.io", "containerd"]
ADDRESS = "192.0.2.1"
CGROUP = "apus-bench-peer"
START = r"""
set -e
work=$1; programs=$2
ip link set lo up
ip link add uplink type bridge
ip address add ADDRESS/24 dev uplink
ip link set uplink up
echo 1 >/proc/sys/net/ipv4/ip_forward
export PATH="$programs/usr/bin:$programs/usr/sbin:$PATH"
cat >"$work/containerd.toml" <<END
version = 2
root = "$work/containerd"
state = "$work/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$work/containerd.sock"
END
containerd -c "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
for _ in $(seq 100); do [ -S "$work/containerd.sock" ] && break; sleep 0.1; done
exec dockerd --data-root "$work/data" --exec-root "$work/exec" -p "$work/pid" -H "unix://$work/docker.sock" \
	--containerd "$work/containerd.sock" --bip 172.30.0.1/20 --storage-driver overlay2 --cgroup-parent "/CGROUP" >"$work/dockerd.log" 2>&1
""".replace("ADDRESS", ADDRESS).replace("CGROUP", CGROUP)


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def fetch(directory, packages=PACKAGES, program="usr/sbin/dockerd"):
    """Downloads and unpacks packages, the engine's unless others are named; does nothing when their program is there."""
    programs = os.path.join(directory, "programs")
    if not os.path.exists(os.path.join(programs, program)):
        os.makedirs(programs, exist_ok=True)
        run("apt-get", "download", "-qq", *packages, cwd=directory)
        for name in os.listdir(directory):
            if name.endswith(".deb") and name.split("_")[0] in packages:
                run("dpkg-deb", "-x", os.path.join(directory, name), programs)
    return programs


def archive(registry, image):
    """An image of a registry as `docker load` takes it."""
    name, tag = image.split(":")
    accepted = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(path, **headers):
        with opener.open(urllib.request.Request(f"http://{registry}/v2/library/{name}/{path}", headers=headers), timeout=30) as reply:
            return reply.read()

    manifest = json.loads(get(f"manifests/{tag}", Accept=accepted))
    files = {"config.json": get(f"blobs/{manifest['config']['digest']}")}
    for number, layer in enumerate(manifest["layers"]):
        blob = get(f"blobs/{layer['digest']}")
        files[f"{number}.tar"] = gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
    layers = [name for name in files if name.endswith(".tar")]
    wanted = json.loads(files["config.json"])["rootfs"]["diff_ids"]
    if wanted != ["sha256:" + hashlib.sha256(files[name]).hexdigest() for name in layers]:
        raise Refused(f"the layers of {image} do not fit its configuration")
    files["manifest.json"] = json.dumps([{"Config": "config.json", "RepoTags": [image], "Layers": layers}]).encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class Peer:
    """`with Peer(directory, registry, image) as peer:` peer.engine answers, with the image loaded and a swarm of one node."""

    def __init__(self, directory, registry, image):
        self.work = os.path.join(directory, "run")
        self.directory, self.registry, self.image = directory, registry, image
        self.engine = Engine(os.path.join(self.work, "docker.sock"))
        self.process = None

    def __enter__(self):
        self.clear()
        os.makedirs(self.work)
        programs = fetch(self.directory)
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", START, "peer", self.work, programs],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            self.await_answer()
            self.engine.ask("POST", "/images/load", raw=archive(self.registry, self.image), timeout=300)
            self.engine.ask("POST", "/swarm/init", {"ListenAddr": f"{ADDRESS}:2377", "AdvertiseAddr": ADDRESS})
        except BaseException:
            self.stop()
            raise
        return self

    def await_answer(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.engine.ask("GET", "/_ping")
                return
            except OSError:
                time.sleep(0.2)
        log = os.path.join(self.work, "dockerd.log")
        text = open(log).read()[-2000:] if os.path.exists(log) else ""
        raise Refused(f"dockerd does not answer: {text} {self.process.stderr.read() if self.process.poll() is not None else ''}")

    def processes(self):
        """Those in its mount namespace or started by it: daemons, shims, and what runs in containers."""
        own = os.readlink("/proc/self/ns/mnt")
        space = link(f"/proc/{self.process.pid}/ns/mnt") if self.process else None
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            command = read(f"/proc/{pid}/cmdline")
            inside = space and space != own and link(f"/proc/{pid}/ns/mnt") == space
            if inside or self.work in command or f"/{CGROUP}/" in read(f"/proc/{pid}/cgroup"):
                if int(pid) != os.getpid():
                    found.append((int(pid), command.replace("\0", " ")))
        return found

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        end = time.monotonic() + 30
        while (left := self.processes()) and time.monotonic() < end:
            for pid, _ in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.2)
            if self.process:
                self.process.poll()
        if self.process:
            self.process.wait(timeout=10)
            self.process.stderr.close()
        self.process = None
        self.clear()

    def clear(self):
        """Its mounts went with its namespace; cgroups and files stay until they are removed."""
        for top, names, _ in os.walk("/sys/fs/cgroup"):
            if CGROUP in names:
                for path, _, _ in os.walk(os.path.join(top, CGROUP), topdown=False):
                    end = time.monotonic() + 5
                    while os.path.isdir(path):
                        try:
                            os.rmdir(path)
                        except OSError:
                            if time.monotonic() > end:
                                raise
                            time.sleep(0.1)
                names.remove(CGROUP)
        if os.path.isdir(self.work):
            run("rm", "-rf", "--one-file-system", self.work)
