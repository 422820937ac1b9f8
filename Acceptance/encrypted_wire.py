"""What `Acceptance/encryption` and the walkthrough see and send on the wire between the nodes of a lab."""

import json
import os
import subprocess
import sys
import time

from cluster import IDLE, Failure, expect, poll

SECRET = "enc-clear-secret"
PLAIN = "enc-plain"
ENOUGH, ROUNDS = 20, 5  # ESP packets that are looked at, and how often it is talked for them at most: a busy machine puts several lines into one.

# Goes before every program that runs in a namespace; its argument is JSON.
COMMON = """
import json, select, socket, struct, sys, time
given = json.loads(sys.argv[1])
# Frames that come to a socket, for so many seconds at most, or until standard input ends.
def frames(raw):
    end = time.monotonic() + given["seconds"]
    while (left := end - time.monotonic()) > 0:
        ready = select.select([raw, sys.stdin], [], [], left)[0]
        if raw in ready: yield raw.recv(65535)
        elif ready: return
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def packet(source, target, port, payload):
    udp = struct.pack("!HHHH", 49152, port, 8 + len(payload), 0) + payload
    if ":" in source:
        ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
        found = checksum(ends + struct.pack("!II", len(udp), 17) + udp + bytes(len(udp) % 2)) or 0xffff
        return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + ends + udp[:6] + struct.pack("!H", found) + udp[8:]
    head = struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + len(udp), 7, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp
def kind(packet): return b"\\x86\\xdd" if packet[0] >> 4 == 6 else b"\\x08\\x00"
# Source, target and UDP of a packet; nothing for another.
def dissected(frame):
    head = frame[14:]
    if frame[12:14] == b"\\x08\\x00" and head[9] == 17:
        return socket.inet_ntop(socket.AF_INET, head[12:16]), socket.inet_ntop(socket.AF_INET, head[16:20]), head[4 * (head[0] & 15):]
    if frame[12:14] == b"\\x86\\xdd" and head[6] == 17:
        return socket.inet_ntop(socket.AF_INET6, head[8:24]), socket.inet_ntop(socket.AF_INET6, head[24:40]), head[40:]
def mac(text): return bytes.fromhex(text.replace(":", ""))
"""

# Every frame of the underlay's link, both ways.
WATCH = COMMON + """
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
raw.bind((given["link"], 0))
print("ready", flush=True)
found = {"esp": 0, "vxlan": 0, "clear": 0, "spis": set()}
for frame in frames(raw):
    if given["secret"].encode() in frame: found["clear"] += 1
    heard = dissected(frame)
    if not heard or not set(heard[:2]) <= set(given["nodes"]): continue
    udp = heard[2]
    port, rest = int.from_bytes(udp[2:4]), udp[8:]
    if port == 4789 and int.from_bytes(rest[4:7]) == given["vni"]: found["vxlan"] += 1
    if port == 4790 and len(rest) > 16 and rest[:4] != bytes(4):
        found["esp"] += 1
        found["spis"].add(rest[:4].hex())
found["seen"] = sorted(found.pop("spis"))
print(json.dumps(found))
"""

# What arrives at a container with a mark.
LISTEN = COMMON + """
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
raw.bind((given["link"], 0))
print("ready", flush=True)
print(json.dumps(any(given["mark"].encode() in frame for frame in frames(raw))))
"""

INJECT = COMMON + """
inner = mac(given["inner_target"]) + mac(given["inner_source"]) + b"\\x08\\x00" + packet(
    given["from"], given["to"], 9997, given["mark"].encode())
outer = packet(given["node_from"], given["node_to"], 4789, struct.pack("!II", 0x08000000, given["vni"] << 8) + inner)
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((given["link"], 0))
for _ in range(5):
    raw.send(mac(given["target"]) + mac(given["source"]) + kind(outer) + outer)
    time.sleep(0.1)
print("{}")
"""


def begin(cluster, node, program, enter=(), **given):
    """Runs beside us; returns what ends it after so many seconds more, if it has not ended by then, and has its answer."""
    process = cluster.start(
        node.name, *enter, sys.executable, "-c", program, json.dumps(given), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()  # "ready"

    def answer(more):
        try:
            process.wait(more)
        except subprocess.TimeoutExpired:
            pass
        try:
            out, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        expect(process.returncode == 0 and out.strip(), f"a program of this script on {node.name}: {err[-400:]}")
        return json.loads(out.splitlines()[-1])
    return answer


def underlay(cluster, node):
    """Name and MAC of the link that has the node's address."""
    for link in json.loads(cluster.inside(node.name, "ip", "-j", "addr").out):
        if any(entry.get("local") == node.address for entry in link["addr_info"]):
            return link["ifname"], link["address"]
    raise Failure(f"no link of {node.name} has {node.address}")


def number(cluster, network):
    options = cluster.manager.inspect("network", network)["Options"]
    return int(options["com.docker.network.driver.overlay.vxlanid_list"])


def is_heard(node, container, port):
    """Whether a program in a container listens there."""
    return f":{port} " in node.docker("exec", container, "netstat", "-ltn").out


def observe(cluster, ends, network="enc-net"):
    """What is on the underlay while the first end talks to the second, until enough was seen: counts, and SPIs that were seen."""
    found = talk(cluster, ends, network)
    for _ in range(ROUNDS - 1):
        if found["esp"] >= ENOUGH:
            break
        more = talk(cluster, ends, network)
        found = {key: found[key] + more[key] for key in ("esp", "vxlan", "clear")} | {"seen": sorted({*found["seen"], *more["seen"]})}
    found["spis"] = len(found["seen"])
    return found


def talk(cluster, ends, network):
    """The same for one time."""
    (one, first, _), (two, second, address) = ends
    two.docker("exec", "-d", second, "sh", "-c", "sleep 60 | nc -l -p 9998 > /tmp/heard")
    answer = begin(
        cluster, two, WATCH, link=underlay(cluster, two)[0], seconds=120, secret=SECRET, vni=number(cluster, network),
        nodes=[one.address, two.address])
    poll(30, "a listener", lambda: is_heard(two, second, 9998))
    one.docker("exec", first, "sh", "-c", f"for i in $(seq 1 60); do echo {SECRET} $i; usleep 20000; done | nc -w 2 {address} 9998", check=False)
    found = answer(0.2)
    heard = two.docker("exec", second, "cat", "/tmp/heard").out
    expect(SECRET in heard, f"what was said has not arrived: {heard[:100]!r}")
    return found


def container_link(node, container, network):
    """Name, MAC and namespace of a container's interface in a network."""
    inspected = node.inspect("container", container)["NetworkSettings"]
    return inspected["Networks"][network]["MacAddress"], inspected["SandboxKey"]


def reaches(cluster, ends, network):
    """Whether a hand-made VXLAN frame from the first end's node reaches the second end."""
    (one, first, source), (two, second, target) = ends
    inner_source, _ = container_link(one, first, network)
    inner_target, space = container_link(two, second, network)
    mark = f"<injected {network} {time.monotonic_ns()}>"
    enter = ["nsenter", f"--net={space}"]
    links = json.loads(cluster.inside(two.name, *enter, "ip", "-j", "addr").out)
    own = next(link["ifname"] for link in links if any(entry.get("local") == target for entry in link["addr_info"]))
    answer = begin(cluster, two, LISTEN, enter, link=own, seconds=120, mark=mark)
    link, mac = underlay(cluster, one)
    given = dict(
        link=link, source=mac, target=underlay(cluster, two)[1], node_from=one.address, node_to=two.address, vni=number(cluster, network),
        inner_source=inner_source, inner_target=inner_target, to=target, mark=mark)
    given["from"] = source
    result = cluster.inside(one.name, sys.executable, "-c", INJECT, json.dumps(given))
    expect(result.code == 0, f"injecting: {result.text[-400:]}")
    # What arrives does so at once.
    return answer(1)


def inject(cluster, ends, network="enc-net"):
    """Whether clear frames are delivered: of the encrypted network, and of one that is not."""
    nodes = [node for node, _, _ in ends]
    cluster.remove_containers(PLAIN)
    cluster.remove_network(PLAIN)
    cluster.manager.docker("network", "create", "--driver", "overlay", "--attachable", PLAIN)
    try:
        plain = []
        for node in nodes:
            name = f"{PLAIN}-{node.name}"
            node.docker("run", "-d", "--name", name, "--network", PLAIN, "busybox", *IDLE, timeout=120)
            plain.append((node, name, node.inspect("container", name)["NetworkSettings"]["Networks"][PLAIN]["IPAddress"]))
        poll(30, "the containers of the clear network reach each other", lambda: plain[0][0].docker(
            "exec", plain[0][1], "ping", "-c", "1", "-w", "2", plain[1][2], check=False).code == 0)
        return {"encrypted": reaches(cluster, ends, network), "clear": reaches(cluster, plain, PLAIN)}
    finally:
        cluster.remove_containers(PLAIN)
        cluster.remove_network(PLAIN)


def process(cluster, node):
    """The pid of a node's process that encrypts; `None` when there is none. Known by the node's network, which it is in."""
    own = cluster.inside(node.name, "readlink", "/proc/self/ns/net").out.strip()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.basename(os.readlink(f"/proc/{entry}/exe")).split(" ")[0] == "apus-esp" and os.readlink(f"/proc/{entry}/ns/net") == own:
                return int(entry)
        except OSError:
            continue
    return None


def namespace(cluster, node, identity):
    """Path of a network's namespace on a node, as programs on that node see it."""
    path = f"/run/apus/netns/o-{identity}"
    expect(cluster.inside(node.name, "test", "-e", path).code == 0, f"no {path} on {node.name}")
    return path
