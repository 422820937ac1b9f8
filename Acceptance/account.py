"""What was asked of a lab and answered, what ran at some moments, and whether it is all there, and nothing else."""

import threading

import invariants
from cluster import Cluster, Failure, expect

BUILT_IN = {"bridge", "docker_gwbridge", "host", "ingress", "none"}
CONNECT = """
import socket, sys
for place in sys.argv[1:]:
    try:
        socket.create_connection(tuple(place.rsplit(":", 1)), 3).close()
    except OSError as error:
        print(place, error)
"""
LOOK = 20  # seconds that a command may take when something is looked at


class Account(Cluster):
    """A lab that remembers what its nodes were asked to create and to remove: there (with its id), gone, or, when a command failed, unknown."""

    THERE, GONE, UNKNOWN = "there", "gone", "unknown"

    def __init__(self, apus, name):
        self.things = {}  # (kind, place, name): [state, id]
        super().__init__(apus, name)

    def heard(self, node, arguments, result):
        if not arguments:
            return
        kind, rest = ("container", arguments) if arguments[0] in ("run", "create", "rm") else (arguments[0], arguments[1:])
        if kind not in ("container", "service", "network") or not rest:
            return
        place = node.name if kind == "container" else ""
        if rest[0] == "rm":
            for word in rest[1:]:
                self.removed(kind, place, word, result)
        elif rest[0] in ("create", "run"):
            name = rest[rest.index("--name") + 1] if "--name" in rest else rest[-1] if kind == "network" else None
            # What has no name is run with --rm here.
            if name:
                made = result.code == 0 and result.out.split()
                self.things[kind, place, name] = [self.THERE, made[0]] if made else [self.UNKNOWN, ""]

    def removed(self, kind, place, word, result):
        for (other, where, name), thing in self.things.items():
            if (other, where) == (kind, place) and (name == word or thing[1] and thing[1].startswith(word)):
                if thing[0] == self.THERE or result.code == 0:
                    thing[0] = self.GONE if word in result.out.split() else self.UNKNOWN

    def state_of(self, kind, place, name):
        return self.things.get((kind, place, name), [None, ""])

    # MARK: moments

    def snapshot(self):
        """What runs on every node, and what its log says; of a node that does not answer nothing."""
        found, threads = {}, []
        def look(node):
            try:
                live = invariants.running(invariants.containers(node))
                found[node.name] = {container: Seen(one, logs(node, container)) for container, one in live.items()}
            except (Failure, ValueError):
                pass
        for node in self.nodes:
            threads.append(threading.Thread(target=look, args=(node,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return found

    # MARK: what must hold

    def check(self, snapshots, orphans):
        """`snapshots`: since everything was as it should be; `orphans`: containers whose monitor was killed."""
        hosts = invariants.check_ready(self)
        self.check_listed()
        services, tasks = self.check_tasks(hosts)
        places, addresses = {}, []
        for node in self.nodes:
            found = places[node.name] = invariants.containers(node)
            live = {container for container, one in invariants.running(found).items() if task_of(one)}
            wanted = {container for container, host in tasks.items() if host == node.name}
            expect(live == wanted, f"containers of tasks on {node.name}: {sorted(live)}, those of running tasks are {sorted(wanted)}")
            addresses.append((node, invariants.check_objects(node, found)))
        self.check_addresses(addresses, services)
        self.check_standalone(places)
        for snapshot in snapshots:
            for node in self.nodes:
                for container, seen in snapshot.get(node.name, {}).items():
                    self.check_seen(node, container, seen, places[node.name].get(container), services, container in orphans)
        self.check_ports(services)
        return True

    def check_listed(self):
        """Services and networks: what was created is there, what was removed is not, and nothing else is."""
        networks = [one["Name"] for one in self.manager.get("/networks")]
        for kind, found in [("service", self.services()), ("network", networks)]:
            names = [name for name in found if not (kind == "network" and name in BUILT_IN)]
            expect(len(names) == len(set(names)), f"{kind}s listed twice: {sorted(names)}")
            for name in names:
                expect(self.state_of(kind, "", name)[0] in (self.THERE, self.UNKNOWN), f"{kind} {name} is there, and should not")
            lost = [name for (other, _, name), thing in self.things.items() if other == kind and thing[0] == self.THERE and name not in names]
            expect(not lost, f"{kind}s lost: {lost}")

    def check_tasks(self, hosts):
        """As many running tasks as wanted and none more; returns the services by id, and {container: host} of the running tasks."""
        services = {one["ID"]: one for one in self.manager.get("/services")}
        if not services:
            return {}, {}
        tasks = [task for task in self.manager.get("/tasks") if task.get("ServiceID") in services]
        live = [task for task in tasks if task["DesiredState"] == "running"]
        up = [task for task in tasks if task["Status"]["State"] == "running"]
        for service, one in services.items():
            mode = one["Spec"]["Mode"]
            count = mode["Replicated"]["Replicas"] if "Replicated" in mode else len(self.nodes)
            found = [[task for task in some if task["ServiceID"] == service] for some in (live, up)]
            expect([len(some) for some in found] == [count, count], f"{one['Spec']['Name']} has {len(found[1])} running and {len(found[0])} wanted "
                   f"tasks of {count}: {[(task['Status']['State'], task['Status'].get('Err', '')) for task in tasks if task['ServiceID'] == service]}")
        return services, {task["Status"]["ContainerStatus"]["ContainerID"]: hosts.get(task["NodeID"]) for task in up}

    def check_addresses(self, addresses, services):
        taken = invariants.check_unique(addresses)
        for service in services.values():
            for virtual in (service.get("Endpoint") or {}).get("VirtualIPs") or []:
                place = (virtual["NetworkID"], virtual["Addr"].split("/")[0])
                expect(place not in taken, f"{place} belongs to service {service['Spec']['Name']} and to {taken.get(place)}")
                taken[place] = f"service {service['Spec']['Name']}"
        for node in self.nodes:
            ingress = node.inspect("network", "ingress")
            place = (ingress["Id"], ingress["Containers"]["ingress-sbox"]["IPv4Address"].split("/")[0])
            expect(place not in taken, f"{place} belongs to the ingress of {node.name} and to {taken.get(place)}")
            taken[place] = f"the ingress of {node.name}"

    def check_standalone(self, places):
        for (kind, place, name), (state, container) in self.things.items():
            if kind == "container" and container:
                there = container in places[place]
                expect(there or state != self.THERE, f"container {name} on {place} is lost")
                expect(not there or state != self.GONE, f"container {name} on {place} is there although it was removed")

    def check_seen(self, node, container, seen, now, services, is_orphan):
        """A container that ran at some moment: still wanted, it is the same process, or has ended by itself; its log has what it had."""
        if seen.service:
            is_wanted = seen.service in services
        else:
            is_wanted = self.state_of("container", node.name, seen.name) == [self.THERE, container]
        expect(now or is_orphan or not is_wanted, f"container {seen.name} on {node.name} is lost")
        if not now:
            return
        state = now["State"]
        if is_orphan:
            expect(not state["Running"] or (state["Pid"], state["StartedAt"]) != seen.process, f"{seen.name} runs on without its monitor")
        elif state["Running"]:
            expect((state["Pid"], state["StartedAt"]) == seen.process, f"{seen.name} on {node.name} is another process: {state}, was {seen.process}")
        elif is_wanted:
            expect(state["ExitCode"] == 0 and not state["OOMKilled"], f"{seen.name} on {node.name} has ended: {state}")
        text = logs(node, container)
        for stream, before, after in zip(("standard output", "standard error"), seen.logs, text):
            expect(after.startswith(before), f"the log of {seen.name} on {node.name} ({stream}) had {len(before)} bytes, has {len(after)}, "
                   f"and differs after {common(before, after)}")

    def check_ports(self, services):
        """Every published port takes a connection on every node."""
        # Nothing listens in the walkthrough's services of busybox.
        listening = [one for one in services.values() if not one["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].startswith("busybox")]
        ports = [port["PublishedPort"] for service in listening for port in (service.get("Endpoint") or {}).get("Ports") or [] if port["Protocol"] == "tcp"]
        places = [f"{node.address}:{port}" for node in self.nodes for port in ports]
        if places:
            result = self.client("python3", "-c", CONNECT, *places, timeout=60)
            expect(result.code == 0 and not result.out, f"published ports: {result.text[-300:]}")

    def remove_everything(self):
        self.remove_service(*self.services())
        for node in self.nodes:
            ids = [one["Id"] for one in node.get("/containers/json?all=1")]
            if ids:
                node.docker("rm", "-f", *ids)
        self.remove_network(*(one["Name"] for one in self.manager.get("/networks") if one["Name"] not in BUILT_IN))
        self.things = {}


class Seen:
    """A container as it was at some moment."""

    def __init__(self, inspected, said):
        self.name = inspected["Name"].lstrip("/")
        self.process = (inspected["State"]["Pid"], inspected["State"]["StartedAt"])
        self.service = (inspected["Config"]["Labels"] or {}).get("com.docker.swarm.service.id")
        self.logs = said


def task_of(inspected):
    return (inspected["Config"]["Labels"] or {}).get("com.docker.swarm.task.id")


def logs(node, container):
    result = node.docker("logs", container, timeout=LOOK)
    return result.out, result.err


def common(one, other):
    return next((place for place, pair in enumerate(zip(one, other)) if pair[0] != pair[1]), min(len(one), len(other)))
