"""The namespaces of a lab's nodes, and everything of ours in them that can be damaged or left behind."""

from cluster import expect

NODE = None  # the node's own namespace


class Place:
    """A namespace of a node: its own, a container's, an overlay's or the ingress sandbox."""

    def __init__(self, node, name):
        self.node, self.name = node, name

    def run(self, *command, check=True):
        inside = command if self.name is NODE else ("nsenter", f"--net=/run/apus/netns/{self.name}", *command)
        result = self.node.inside(*inside)
        if check:
            expect(result.code == 0, f"`{' '.join(command)}` in {self.name or 'the node'}: {result.text[-300:]}")
        return result.out


# Runs inside of the place: everything of ours that can be damaged, without counters, numbers and what comes and goes by itself.
LOOK = r"""
import json, re, subprocess
def out(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
def rows(*command):
    return json.loads(out(*command) or "[]")
for link in rows("ip", "-j", "-d", "link"):
    info = link.get("linkinfo", {})
    port = {key: value for key, value in info.get("info_slave_data", {}).items()
            if key in ("hairpin", "learning", "flood", "locked", "isolated", "mcast_flood", "bcast_flood", "group_fwd_mask")}
    print("link", link["ifname"], info.get("info_kind"), link["mtu"], link.get("master"), link.get("group"), link.get("ifalias"),
          "UP" in link["flags"], port, info.get("info_data", {}).get("local"),
          link.get("address") if info.get("info_kind") == "bridge" else None,
          [info["info_data"].get(f"nf_call_{kind}tables") for kind in ("ip", "ip6", "arp")] if info.get("info_kind") == "bridge" else None)
for link in rows("ip", "-j", "-4", "addr"):
    for address in link.get("addr_info", []):
        print("address", link["ifname"], address["local"], address["prefixlen"])
for route in rows("ip", "-j", "-4", "route", "show", "table", "all"):
    if route.get("type") != "broadcast":
        print("route", route.get("type"), route["dst"], route.get("gateway"), route.get("dev"), route.get("table"), route.get("protocol"))
for rule in rows("ip", "-j", "rule"):
    print("rule", rule["priority"], rule.get("table"), rule.get("fwmark"), rule.get("fwmask"))
for row in rows("bridge", "-j", "fdb"):
    mine = "dst" in row or row.get("state") == "static"
    if mine and not row["mac"].startswith(("33:33", "01:00")):
        print("row", row["mac"], row["ifname"], row.get("dst"), row.get("state"), row.get("flags"))
for row in rows("ip", "-j", "neigh", "show", "nud", "permanent"):
    print("neighbour", row["dst"], row["dev"], row.get("lladdr"))
rules = re.sub(r"(?s)\tmap back \{.*?\n\t\}", "", out("nft", "-s", "list", "ruleset"))
table = ""
# Chains for a number of backends that no element leads to are kept, or not.
used = set(re.findall(r"goto (n\d+)", rules))
rules = re.sub(r"(?s)\tchain (n\d+) \{.*?\n\t\}", lambda found: found.group(0) if found.group(1) in used else "", rules)
for line in re.sub(r",\s+", ", ", rules).splitlines():
    table = line if line.startswith("table") else table
    print("nft", table, " ".join(line.split()))
for name in ("ip_forward", "conf/all/rp_filter", "tcp_fwmark_accept", "conf/docker_gwbridge/route_localnet"):
    try:
        print("parameter", name, open("/proc/sys/net/ipv4/" + name).read().strip())
    except OSError:
        pass
"""


def state(place):
    lines = place.run("python3", "-c", LOOK).splitlines()
    return sorted({line for line in lines if line.strip()})
