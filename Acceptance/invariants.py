"""What must hold on every node of a lab whatever was killed there: what its daemon says of its containers, held against the kernel's objects.
And the processes of a node, to kill them."""

import glob
import os
import re
import signal

from cluster import expect
from proc import link, read

# docker0 and docker_gwbridge are in 172.16.0.0/12; no subnet of an overlay is.
BRIDGED = re.compile(r"172\.(1[6-9]|2\d|3[01])\.")


# MARK: processes

def mounts_of(node):
    """The mount namespace of a node, as /proc shows it; whether a daemon runs there or not."""
    return f"mnt:[{os.stat(f'/run/apus-lab/{node.cluster.name}/namespaces/mnt/{node.name}').st_ino}]"


def program(pid):
    # A sealed copy of crun has no file: its name is `memfd:crun (deleted)`.
    return os.path.basename(link(f"/proc/{pid}/exe")).removeprefix("memfd:").split(" ")[0]


def victims(nodes, kind, besides=()):
    """(node, pid) of a program: apusd, etcd, conmon; `runtime` is crun or runc. `besides`: names in /proc that are not looked at."""
    names = ("crun", "runc") if kind == "runtime" else (kind,)
    places = {mounts_of(node): (number, node) for number, node in enumerate(nodes)}
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit() and pid not in besides and program(pid) in names:
            number, node = places.get(link(f"/proc/{pid}/ns/mnt"), (None, None))
            if node:
                found.append((number, int(pid), node))
    return [(node, pid) for _, pid, node in sorted(found, key=lambda one: one[:2])]


def processes(node, kind):
    """Pids of a program on a node."""
    return [pid for _, pid in victims([node], kind)]


def shoot(pid):
    """SIGKILL; false when there is no such process any more."""
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def monitored(pid):
    """The container whose conmon this is, and whether it is that of an exec only; None when it has gone."""
    words = read(f"/proc/{pid}/cmdline").split("\0")
    return (words[words.index("-c") + 1], "-e" in words) if "-c" in words else None


# MARK: what the daemons say

def containers(node):
    """Every container of a node, running or not: {id: what inspect says}."""
    return {one["Id"]: node.get(f"/containers/{one['Id']}/json") for one in node.get("/containers/json?all=1")}


def running(found):
    return {container: one for container, one in found.items() if one["State"]["Running"]}


def check_ready(cluster):
    """Returns {node id: name}."""
    nodes = cluster.manager.get("/nodes")
    names = {one["ID"]: (one.get("Description") or {}).get("Hostname") for one in nodes}
    states = {names[one["ID"]]: one["Status"]["State"] for one in nodes}
    expect(set(states.values()) == {"ready"} and len(nodes) == len(cluster.nodes), f"nodes are {states}")
    leaders = [names[one["ID"]] for one in nodes if (one.get("ManagerStatus") or {}).get("Leader")]
    expect(len(leaders) == 1, f"leaders are {leaders}")
    return names


# MARK: what the kernel has

def check_objects(node, found):
    """As many namespaces, monitors, mounts, groups, directories and endpoints as a node's containers need, no more and no less.
    `found`: what `containers` says. Returns {(network id, address): container}."""
    live = running(found)
    names = node.inside("ls", "/run/apus/netns").out.split()
    boxes = {name for name in names if name.startswith("c-")}
    expect(boxes == {f"c-{container}" for container in live}, f"namespaces on {node.name}: {sorted(boxes)} for {sorted(live)}")
    monitors = [one for one in map(monitored, processes(node, "conmon")) if one]
    watched = sorted(container for container, is_exec in monitors if not is_exec)
    expect(watched == sorted(live), f"monitors on {node.name}: {watched} for {sorted(live)}")
    strays = [container for container, is_exec in monitors if is_exec and container not in live]
    expect(not strays, f"monitors of commands on {node.name} in {strays}, which do not run")
    lines = [line.split() for line in node.inside("cat", "/proc/self/mountinfo").out.splitlines()]
    mounts = [words[4] for words in lines if "overlay" in words[words.index("-"):] and "/apus" in words[4]]
    expect(len(mounts) == len(live), f"overlay mounts on {node.name}: {mounts} for {sorted(live)}")
    top = f"apus-lab/{node.cluster.name}/{node.name}/apus/*"
    groups = {os.path.basename(path) for place in ("/sys/fs/cgroup/", "/sys/fs/cgroup/*/") for path in glob.glob(place + top)
              if os.path.isdir(path)} - {"conmon"}
    expect(groups == set(live), f"cgroups on {node.name}: {sorted(groups)} for {sorted(live)}")
    kept = set(node.inside("ls", "/var/lib/apus/containers").out.split())
    # One that was never started, as of a task that was told to end before, has none.
    begun = {container for container, one in found.items() if one["State"]["Status"] != "created"}
    expect(begun <= kept <= set(found), f"directories of containers on {node.name}: {sorted(kept)} for {sorted(found)}, begun are {sorted(begun)}")
    return check_addresses(node, live, names)


def check_addresses(node, live, names):
    found, used = {}, set()
    for container, one in live.items():
        for endpoint in one["NetworkSettings"]["Networks"].values():
            if endpoint["IPAddress"]:
                place = (endpoint["NetworkID"], endpoint["IPAddress"])
                expect(place not in found, f"{place} belongs to {container} and {found.get(place)} on {node.name}")
                found[place] = container
                used.add(endpoint["NetworkID"])
    swarm = {one["Id"]: one["Name"] for one in node.get("/networks", scope="swarm")}
    wanted = {f"o-{network}" for network in swarm if network in used or swarm[network] == "ingress"}
    overlays = {name for name in names if name.startswith("o-")}
    expect(overlays == wanted, f"overlays on {node.name}: {sorted(overlays)}, used are {sorted(wanted)}")
    looks = node.inside("sh", "-c", "for n in /run/apus/netns/o-*; do nsenter --net=$n ip -o link; done; echo =; ip -o link; echo =; "
                        "for n in /run/apus/netns/c-*; do [ ! -e $n ] || nsenter --net=$n ip -o -4 addr show scope global; done").out
    inner, outer, own = re.split(r"(?m)^=\n", looks)
    addresses = re.findall(r"inet ([0-9.]+)/", own)
    told = sorted(address for _, address in found)
    # docker_gwbridge is in no container's list of networks.
    expect(set(told) <= set(addresses), f"addresses on {node.name}: told {told}, found {sorted(addresses)}")
    bridged = [address for address in addresses if BRIDGED.match(address)]
    pairs = re.findall(r"\ba([0-9a-f]{12})@", outer)
    expect(len(pairs) == len(set(pairs)) == len(bridged), f"{node.name} has {len(pairs)} pairs for {len(bridged)} addresses in bridges")
    pairs = re.findall(r"\bp([0-9a-f]{12})@", inner)
    expect(len(pairs) == len(set(pairs)) == len(addresses) - len(bridged),
           f"{node.name} has {len(pairs)} pairs for {len(addresses) - len(bridged)} addresses in overlays")
    return found


def check_unique(places):
    """`places`: what `check_objects` returned for each node. Addresses of local networks may be the same on two nodes: their ids are not."""
    seen = {}
    for node, found in places:
        for place, container in found.items():
            expect(place not in seen, f"{place} belongs to {container} on {node.name} and to {seen.get(place)}")
            seen[place] = f"{container} on {node.name}"
    return seen
