"""Steps 8 to 20 of the walkthrough: networks of the swarm, their addresses, names, ways out, and removal."""

import contextlib
import json
import re
import time

import encrypted_wire
from cluster import IDLE, expect, poll, says, url

IMAGE_SECONDS = 120
POOLS = ["--subnet=192.168.0.0/16", "--subnet=192.170.0.0/16", "--gateway=192.168.0.100", "--gateway=192.170.0.100", "--ip-range=192.168.1.0/24"]
INNER = ["--subnet=10.0.0.0/16", "--gateway=10.0.0.100", "--internal", "--label", "HelloWorldService", "--ip-range=10.0.1.0/24"]
SERVICES = ["walk-nine", "walk-sealed", "walk-lazy", "walk-pools", "mysql-2", "mysql-client", "hello-world"]
NETWORKS = ["walk-pools", "walk-a", "walk-b", "mysql-network", "hello-world-network", "overlay-network-2"]


def clear(cluster):
    """Removes what an earlier run left."""
    cluster.remove_service(*SERVICES)
    cluster.remove_network(*NETWORKS)


def make_network(cluster, *arguments):
    """Creates an overlay anew, its name last; returns its id."""
    cluster.remove_network(arguments[-1])
    out = cluster.manager.docker("network", "create", *arguments).out.strip()
    expect(re.fullmatch(r"[0-9a-z]{25}|[0-9a-f]{64}", out), f"printed: {out}")
    return out


def address(node, container, network):
    return node.inspect("container", container)["NetworkSettings"]["Networks"][network]["IPAddress"]


def addresses(cluster, service, network):
    """The address of each of a service's containers: {container id: address}."""
    return {container: address(node, container, network) for node in cluster.nodes for container in node.containers(service)}


def virtual_address(cluster, service, network_id):
    addresses = cluster.manager.inspect("service", service)["Endpoint"]["VirtualIPs"]
    return next(entry["Addr"].split("/")[0] for entry in addresses if entry["NetworkID"] == network_id)


def listed(node, name):
    if not node.cluster.inspects_by_command:
        return node.lists(name)
    return any(row["Name"] == name for row in node.rows("network", "ls"))


def other_node(cluster, places):
    return next(node for node in cluster.nodes if node.name not in places)


def queries_outside(cluster):
    """Datagrams that have arrived at the outside resolver's host."""
    lines = [line.split() for line in cluster.inside("internet", "cat", "/proc/net/snmp", "/proc/net/snmp6").out.splitlines()]
    names, counts = [line for line in lines if line[:1] == ["Udp:"]]
    return int(counts[names.index("InDatagrams")]) + sum(int(line[1]) for line in lines if line[0] == "Udp6InDatagrams")


def step8(cluster):
    """two subnets, gateways, a range: pools with a range first, then the others ascending"""
    cluster.remove_service("walk-pools")
    network = make_network(cluster, *POOLS, "--driver", "overlay", "mysql-network")
    ipam = cluster.manager.inspect("network", "mysql-network")["IPAM"]["Config"]
    found = {pool["Subnet"]: (pool.get("Gateway"), pool.get("IPRange")) for pool in ipam}
    wanted = {"192.168.0.0/16": ("192.168.0.100", "192.168.1.0/24"), "192.170.0.0/16": ("192.170.0.100", None)}
    expect(found == wanted, f"pools: {json.dumps(ipam)}")
    # The order of pools shows where they are small: three addresses of the range beside the service's own, then the others.
    small = make_network(
        cluster, "--subnet=10.199.2.0/29", "--subnet=10.199.1.0/24", "--subnet=10.199.0.0/30", "--ip-range=10.199.1.8/30",
        "--driver", "overlay", "walk-pools")
    try:
        cluster.manager.docker(
            "service", "create", "--detach", "--name", "walk-pools", "--network", "walk-pools", "--replicas", "5", "busybox", *IDLE, timeout=IMAGE_SECONDS)
        cluster.running("walk-pools", 5)
        taken = set(addresses(cluster, "walk-pools", "walk-pools").values())
        service = virtual_address(cluster, "walk-pools", small)
    finally:
        cluster.remove_service("walk-pools")
        cluster.remove_network("walk-pools")
    expect(service == "10.199.1.8", f"the service's address is {service}")
    expect(taken == {"10.199.1.9", "10.199.1.10", "10.199.1.11", "10.199.0.2", "10.199.2.2"}, f"tasks have {sorted(taken)}")
    return f"{network[:12]} with both subnets, gateways and the range; three small pools were filled range first, then ascending"


def step9(cluster):
    """`network ls --filter driver=overlay` and `network inspect`"""
    rows = cluster.manager.rows("network", "ls", "--filter", "driver=overlay")
    names = {row["Name"] for row in rows}
    expect({"ingress", "mysql-network"} <= names and all(row["Driver"] == "overlay" for row in rows), f"rows {rows}")
    expect(not names & {"bridge", "docker_gwbridge", "host", "none"}, f"rows {rows}")
    cluster.remove_service("walk-nine")
    cluster.manager.docker("service", "create", "--detach", "--name", "walk-nine", "--mode", "global", "--network", "mysql-network",
                           "--publish", "18099:80", "busybox", *IDLE, timeout=IMAGE_SECONDS)
    try:
        cluster.running("walk-nine", len(cluster.nodes))
        for node in cluster.nodes:
            poll(30, f"mysql-network on {node.name}", lambda: check_inspection(cluster, node))
        verbose = json.loads(cluster.manager.docker("network", "inspect", "--verbose", "mysql-network").out)[0]
        tasks = {task["EndpointIP"] for task in verbose["Services"]["walk-nine"]["Tasks"]}
        expect(tasks == set(addresses(cluster, "walk-nine", "mysql-network").values()), f"verbose: {verbose['Services']}")
        expect(verbose["Services"]["walk-nine"]["Ports"] == [], f"ports outside ingress: {verbose['Services']}")
        for node in cluster.nodes:
            poll(30, f"ingress on {node.name}", lambda: check_ingress(cluster, node))
    finally:
        cluster.remove_service("walk-nine")
    return (f"{len(rows)} overlays listed; on each node its own container, {len(cluster.nodes)} peers, IPAM, options, labels; "
            "--verbose names the tasks, and of ingress the ports and each node's endpoint")


def check_ingress(cluster, node):
    """`network inspect --verbose ingress`: the services with their address, ports and tasks; the nodes' endpoints under no name."""
    services = json.loads(node.docker("network", "inspect", "--verbose", "ingress").out)[0]["Services"]
    own = services.get("walk-nine", {})
    ingress = cluster.manager.inspect("network", "ingress")["Id"]
    tasks = own.get("Tasks", [])
    found = (own.get("VIP"), own.get("Ports"), {task["EndpointIP"] for task in tasks}, {task["Info"]["Host IP"] for task in tasks})
    wanted = (virtual_address(cluster, "walk-nine", ingress), ["Target: 80, Publish: 18099"],
              set(addresses(cluster, "walk-nine", "ingress").values()), {one.address for one in cluster.nodes})
    expect(found == wanted, f"walk-nine on ingress: {found}, not {wanted}")
    nodes = services.get("", {})
    expect(nodes.get("VIP") == "<nil>" and sorted(task["Info"]["Host IP"] for task in nodes["Tasks"]) == sorted(one.address for one in cluster.nodes)
           and {task["Name"] for task in nodes["Tasks"]} == {"ingress-endpoint"}, f"the nodes' endpoints: {nodes}")
    return True


def check_inspection(cluster, node):
    seen = node.inspect("network", "mysql-network")
    containers = node.containers("walk-nine")
    expect(list(seen["Containers"]) == containers, f"containers {seen['Containers']}, not {containers}")
    shown = seen["Containers"][containers[0]]
    expect(shown["IPv4Address"] == address(node, containers[0], "mysql-network") + "/16", f"{shown}")
    expect(shown["IPv4Address"].startswith("192.168.1."), f"address {shown['IPv4Address']}")
    expect({peer["IP"] for peer in seen["Peers"]} == {other.address for other in cluster.nodes}, f"peers {seen['Peers']}")
    expect("com.docker.network.driver.overlay.vxlanid_list" in seen["Options"], f"options {seen['Options']}")
    expect(seen["Labels"] == {} and seen["Scope"] == "swarm" and not seen["Internal"], json.dumps(seen))
    expect(len(seen["IPAM"]["Config"]) == 2 and seen["IPAM"]["Driver"] == "default", f"IPAM {seen['IPAM']}")
    return True


def step10(cluster):
    """an overlay is on a worker only while a task there uses it"""
    worker, other = [node for node in cluster.nodes if node.role == "worker"][:2]
    cluster.remove_service("walk-lazy")
    for node in [worker, other]:
        poll(30, f"mysql-network gone from {node.name}", lambda: not listed(node, "mysql-network"))
        result = node.docker("network", "inspect", "mysql-network", check=False)
        told = says(result.err, "network", "mysql-network", "network mysql-network not found")
        expect(result.code == 1 and told, f"{node.name}: {result.text}")
    cluster.manager.docker(
        "service", "create", "--detach", "--name", "walk-lazy", "--network", "mysql-network", "--constraint", f"node.hostname=={worker.name}",
        "busybox", *IDLE, timeout=IMAGE_SECONDS)
    try:
        cluster.running("walk-lazy", 1)
        poll(30, f"mysql-network on {worker.name}", lambda: listed(worker, "mysql-network"))
        expect(not listed(other, "mysql-network"), f"mysql-network is on {other.name}")
        expect(listed(cluster.manager, "mysql-network"), "mysql-network is not on the manager")
        links = worker.inside("sh", "-c", "ls /sys/class/net").out
    finally:
        cluster.remove_service("walk-lazy")
    began = time.monotonic()
    poll(30, f"mysql-network gone from {worker.name}", lambda: not listed(worker, "mysql-network"))
    expect(listed(cluster.manager, "mysql-network") and links, "mysql-network is not on the manager any more")
    return f"not on the workers, extended to {worker.name} with its task, gone {time.monotonic() - began:.1f} s after the task's container"


def log_in(node, container, host):
    result = node.docker(
        "exec", container, "mariadb", "--no-defaults", "--connect-timeout=5", "-h", host, "-u", "root", "-pmysql", "-N", "-B", "-e",
        "select 6 * 7", check=False)
    expect(result.code == 0 and result.out.strip() == "42", f"login at {host}: {result.text[-300:]}")
    return True


def look_up(node, container, name):
    """Addresses that the container's resolver gives for a name."""
    return found_addresses(node.docker("exec", container, "nslookup", name, "127.0.0.11", check=False).text)


def found_addresses(out):
    """Of an answer of nslookup."""
    return set(re.findall(r"^Address(?: \d+)?: ([0-9.]+)", out.split("Name:", 1)[-1], re.M)) if "Name:" in out else set()


def look_up_all(node, container, names):
    """The same for several, with one command in the container: {name: addresses}."""
    script = 'for name; do nslookup "$name" 127.0.0.11; echo =; done 2>&1'
    parts = re.split(r"(?m)^=\n?", node.docker("exec", container, "sh", "-c", script, "look-up", *names, check=False).out)
    expect(len(parts) == len(names) + 1, f"{len(parts) - 1} answers to {len(names)} questions on {node.name}")
    return {name: found_addresses(part) for name, part in zip(names, parts)}


def start_mysql(cluster):
    """mysql-2, and on another node a client of it; returns mysql-2's places and the client's node."""
    cluster.remove_service("mysql-2", "mysql-client")
    create = ["service", "create", "--env", "MYSQL_ROOT_PASSWORD=mysql", "--replicas", "1", "--network", "mysql-network", "--name", "mysql-2", "mysql"]
    with cluster.manager.beside(*create, timeout=IMAGE_SECONDS):
        places = cluster.running("mysql-2", 1)
        node = other_node(cluster, places)
        cluster.manager.docker(
            "service", "create", "--detach", "--name", "mysql-client", "--network", "mysql-network", "--constraint", f"node.hostname=={node.name}",
            "--entrypoint", "sh", "mysql", *IDLE[1:], timeout=IMAGE_SECONDS)
        cluster.running("mysql-client", 1)
    return places, node


def step11(cluster):
    """an encrypted overlay: between the nodes ESP and nothing else, and VXLAN in clear is not delivered"""
    cluster.remove_service("walk-sealed")
    make_network(cluster, "--driver", "overlay", "--opt", "encrypted", "overlay-network-2")
    options = cluster.manager.inspect("network", "overlay-network-2")["Options"]
    expect(options.get("encrypted") == "", f"options: {options}")
    cluster.manager.docker(
        "service", "create", "--detach", "--name", "walk-sealed", "--network", "overlay-network-2", "--mode", "global", "busybox", *IDLE,
        timeout=IMAGE_SECONDS)
    try:
        cluster.running("walk-sealed", len(cluster.nodes))
        ends = []
        for node in cluster.nodes[:2]:
            container = node.containers("walk-sealed")[0]
            ends.append((node, container, address(node, container, "overlay-network-2")))
        (one, first, _), (_, _, target) = ends
        poll(30, "the tasks reach each other", lambda: one.docker("exec", first, "ping", "-c", "1", "-w", "2", target, check=False).code == 0)
        found = encrypted_wire.observe(cluster, ends, "overlay-network-2")
        expect(found["esp"] >= encrypted_wire.ENOUGH and found["vxlan"] == 0 and found["clear"] == 0, f"on the wire: {found}")
        heard = encrypted_wire.inject(cluster, ends, "overlay-network-2")
        expect(not heard["encrypted"] and heard["clear"], f"VXLAN in clear is delivered: {heard}")
    finally:
        cluster.remove_service("walk-sealed")
    return f"{found['esp']} ESP packets, no VXLAN of it, nothing readable; injected VXLAN is dropped, while it arrives in a network in clear"


def step12(cluster):
    """a service is found by name (VIP) and as tasks.NAME from another node"""
    places, node = start_mysql(cluster)
    client = node.containers("mysql-client")[0]
    for host in ["mysql-2", "tasks.mysql-2"]:
        poll(60, f"login at {host}", lambda: log_in(node, client, host))
    network = cluster.manager.inspect("network", "mysql-network")["Id"]
    task = set(addresses(cluster, "mysql-2", "mysql-network").values())
    virtual = {virtual_address(cluster, "mysql-2", network)}
    for name, wanted in (("mysql-2", virtual), ("tasks.mysql-2", task)):
        found = look_up(node, client, name)
        expect(found == wanted, f"{name} is {found}, not {wanted}")
    expect(all(found.startswith("192.168.1.") for found in task | virtual), f"addresses {task} {virtual}")
    return f"a task on {node.name} logged in at mysql-2 ({virtual.pop()}) and tasks.mysql-2 ({task.pop()}), which runs on {list(places)[0]}"


def step13(cluster):
    """an internal network in 10.0.0.0/16, which default pools leave alone"""
    cluster.remove_service("hello-world")
    make_network(cluster, *INNER, "--driver", "overlay", "hello-world-network")
    seen = cluster.manager.inspect("network", "hello-world-network")
    expect(seen["Internal"] is True and seen["Labels"] == {"HelloWorldService": ""}, json.dumps(seen))
    expect(seen["IPAM"]["Config"] == [{"Subnet": "10.0.0.0/16", "IPRange": "10.0.1.0/24", "Gateway": "10.0.0.100"}], f"IPAM {seen['IPAM']}")
    others = [network["IPAM"]["Config"][0]["Subnet"] for network in (
        cluster.manager.inspect("network", name) for name in ["ingress", "my-overlay-net"] if listed(cluster.manager, name))]
    expect(not any(subnet.startswith("10.0.") for subnet in others), f"defaults {others}")
    return f"created beside {', '.join(others)}; Internal and the label are shown"


@contextlib.contextmanager
def three_tasks(cluster, *options):
    """The service on all nodes; the body looks at it while the command that creates it watches it."""
    cluster.remove_service("hello-world")
    create = ["service", "create", "--name", "hello-world", "--network", "hello-world-network", *options, "--replicas", "3", "tutum/hello-world"]
    with cluster.manager.beside(*create, timeout=IMAGE_SECONDS):
        places = cluster.running("hello-world", 3)
        expect(sorted(places) == sorted(node.name for node in cluster.nodes), f"tasks are on {places}")
        yield


def step14(cluster):
    """three tasks of an internal network on three nodes"""
    with three_tasks(cluster):
        for node in cluster.nodes:
            container = node.containers("hello-world")[0]
            networks = node.inspect("container", container)["NetworkSettings"]["Networks"]
            expect(list(networks) == ["hello-world-network"] and networks["hello-world-network"]["IPAddress"].startswith("10.0.1."), f"{networks}")
            routes = node.docker("exec", container, "ip", "route").out
            expect("default" not in routes, f"routes on {node.name}: {routes}")
            expect(container not in node.inspect("network", "docker_gwbridge")["Containers"], f"{node.name}: the task is on docker_gwbridge")
    return "one task a node, each with an address of 10.0.1.0/24 and nothing else: no default route, no docker_gwbridge"


def ping(node, container, target):
    began = time.monotonic()
    result = node.docker("exec", "-it", container, "ping", "-c", "1", target, tty=True, check=False, timeout=30)
    return result, time.monotonic() - began


def step15(cluster):
    """nothing leads out of an internal network, no name either"""
    before = queries_outside(cluster)
    slowest = 0
    for node in cluster.nodes:
        took = []
        # At once, not after the resolver's patience; the best of three, as others may have the processor.
        while len(took) < 3 and min(took, default=3) >= 3:
            result, seconds = ping(node, node.containers("hello-world")[0], "google.com")
            took.append(seconds)
            expect(result.code != 0 and "bad address 'google.com'" in result.text, f"{node.name}: {result.code}: {result.text}")
        slowest = max(slowest, min(took))
    expect(slowest < 3, f"the refusal took {slowest:.1f} s")
    for internet in cluster.inside("internet", "hostname", "-I").out.split() or ["203.0.113.1"]:
        result, _ = ping(cluster.manager, cluster.manager.containers("hello-world")[0], internet)
        expect(result.code != 0, f"an outside address answers: {result.text}")
    expect(queries_outside(cluster) == before, "a query has reached the outside resolver")
    return f"refused on every node, the slowest after {slowest:.1f} s; no query reached the outside resolver"


def step16(cluster):
    """containers are found by id and name on other nodes"""
    count = 0
    for node in cluster.nodes:
        container = node.containers("hello-world")[0]
        for other in cluster.nodes:
            if other is node:
                continue
            target = other.containers("hello-world")[0]
            name = other.inspect("container", target)["Name"].lstrip("/")
            own = address(other, target, "hello-world-network")
            for word in [target[:12], name]:
                def attempt():
                    result, _ = ping(node, container, word)
                    expect(result.code == 0 and own in result.text, f"{word} of {other.name} from {node.name}: {result.text}")
                    return True
                poll(30, f"ping {word}", attempt)
                count += 1
    return f"{count} pings between the tasks' containers, by id and by name, over every pair of nodes"


def step17(cluster):
    """a published port gives the tasks of an internal network a way in, and out"""
    with three_tasks(cluster, "--publish", "8080:80"):
        for node in cluster.nodes:
            for way in cluster.ways(cluster.manager, "ingress"):
                poll(30, f"an answer through {node.name}", lambda: cluster.get(url(node.at(way), 8080)))
            container = node.containers("hello-world")[0]
            networks = node.inspect("container", container)["NetworkSettings"]["Networks"]
            expect(sorted(networks) == ["hello-world-network", "ingress"], f"networks on {node.name}: {sorted(networks)}")
            expect(container in node.inspect("network", "docker_gwbridge")["Containers"], f"{node.name}: the task is not on docker_gwbridge")
            links = re.findall(r"^\d+: (eth\d)", node.docker("exec", container, "ip", "-o", "link").out, re.M)
            expect(sorted(set(links)) == ["eth0", "eth1", "eth2"], f"links on {node.name}: {links}")
    return "answers the client on every node; each task is on hello-world-network, ingress and docker_gwbridge"


def step18(cluster):
    """`ping google.com` where a published port has opened the way"""
    before = queries_outside(cluster)
    for node in cluster.nodes:
        def attempt():
            result, _ = ping(node, node.containers("hello-world")[0], "google.com")
            expect(result.code == 0 and "1 packets received" in result.text, f"{node.name}: {result.text}")
            return True
        poll(30, "a way out", attempt)
    expect(queries_outside(cluster) > before, "no query reached the outside resolver: what step 15 counts is not what it should be")
    return "succeeds on every node; the outside resolver was asked"


def step19(cluster):
    """`network rm` with names and id prefixes mixed"""
    # Gone through again, some of it has been done.
    if cluster.services("hello-world"):
        cluster.manager.docker("service", "rm", "hello-world")
    if not listed(cluster.manager, "overlay-network-2"):
        make_network(cluster, "--driver", "overlay", "--opt", "encrypted", "overlay-network-2")
    if not listed(cluster.manager, "hello-world-network"):
        make_network(cluster, *INNER, "--driver", "overlay", "hello-world-network")
    prefixes = [make_network(cluster, "--driver", "overlay", name)[:12] for name in ["walk-a", "walk-b"]]
    wanted = ["hello-world-network", *prefixes, "overlay-network-2"]
    result = cluster.manager.docker("network", "rm", *wanted)
    expect(result.out.split() == wanted, f"printed: {result.text}")
    left = [name for name in ["hello-world-network", "walk-a", "walk-b", "overlay-network-2"] if listed(cluster.manager, name)]
    expect(not left, f"still listed: {left}")
    cluster.gone("hello-world")
    return f"{len(wanted)} removed at once, each echoed"


def step20(cluster):
    """a network that a service uses is not removed"""
    if not {"mysql-2", "mysql-client"} <= set(cluster.services("mysql-")):
        # Gone through again, what it needs has been removed.
        if not listed(cluster.manager, "mysql-network"):
            make_network(cluster, *POOLS, "--driver", "overlay", "mysql-network")
        start_mysql(cluster)
    before = cluster.manager.inspect("network", "mysql-network")
    service = cluster.manager.inspect("service", "mysql-2")["ID"]
    result = cluster.manager.docker("network", "rm", "mysql-network", check=False)
    services = [service, cluster.manager.inspect("service", "mysql-client")["ID"]]
    texts = [f"network {before['Id']} is in use by service {service}" for service in services]
    expect(result.code == 1, f"ended with {result.code}: {result.text}")
    expect(result.err.startswith("Error response from daemon: ") and any(text in result.err for text in texts), f"said: {result.text}")
    expect(cluster.manager.inspect("network", "mysql-network") == before, "the network has changed")
    for name in ["mysql-client", "mysql-2"]:
        cluster.manager.docker("service", "rm", name)
    out = cluster.manager.docker("network", "rm", "mysql-network").out.strip()
    expect(out == "mysql-network" and not listed(cluster.manager, "mysql-network"), f"printed: {out}")
    cluster.gone("mysql-client", "mysql-2")
    return "exit code 1 with both ids, nothing removed; removed at once when the services are gone"


STEPS = {8: step8, 9: step9, 10: step10, 11: step11, 12: step12, 13: step13, 14: step14, 15: step15, 16: step16, 17: step17, 18: step18, 19: step19, 20: step20}
