import Addressing
import Cluster
import DockerMessages
import EngineInterface
import Faults
import LinuxSystem
import Model
import Synchronization
import TestKit
import Testing

/// Nodes in one process, with real TLS on loopback and a real etcd.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SwarmTests {
    @Test func `init makes a swarm of one manager, and leave ends it`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                await #expect(throws: APIError(.unavailable, "This node is not part of a swarm")) {
                    try await told {
                        try await swarm.leaveSwarm(force: false)
                    }
                }
                #expect(await swarm.swarmInfo().localNodeState == "inactive")
                try await node.initialise(swarm)
                try await eventually("the node is ready") { try await ready(swarm) == 1 }
                let info = await swarm.swarmInfo()
                #expect(info.localNodeState == "active" && info.controlAvailable && info.managers == 1)
                let cluster = try await swarm.inspectSwarm()
                #expect(cluster.joinTokens?.worker.count == 85 && cluster.version.index > 0)
                let own = try await swarm.inspectNode("self")
                #expect(own.managerStatus?.leader == true && own.description?.hostname == "node-1")
                #expect(try await swarm.swarmNetworks().map(\.spec.name) == ["ingress"])
                await #expect(throws: APIError.self) { try await told { try await node.initialise(swarm) } }
                await #expect(throws: APIError.self) { try await told { try await swarm.leaveSwarm(force: false) } }
                try await swarm.leaveSwarm(force: true)
                #expect(await swarm.swarmInfo().localNodeState == "inactive")
                #expect(!Files.exists(node.directory + "/swarm"))
                #expect(node.executor.state.withLock { $0.hasLeft })
            }
        }
    }

    @Test func `a node that has made a swarm or joined one is found at once, by its name and ready`() async throws {
        try await withNodes(3) { nodes in
            let (first, second, third) = (nodes[0], nodes[1], nodes[2])
            try await first.running { manager in
                try await first.initialise(manager)
                let own = try await manager.inspectNode("node-1")
                #expect(own.status.state == .ready && own.description?.hostname == "node-1")
                let tokens = try #require(try await manager.inspectSwarm().joinTokens)
                try await second.running { worker in
                    try await second.join(worker, token: tokens.worker, manager: first)
                    let joined = try await manager.inspectNode("node-2")
                    #expect(joined.status.state == .ready && joined.description?.hostname == "node-2")
                }
                try await third.running { other in
                    try await third.join(other, token: tokens.manager, manager: first)
                    let joined = try await other.inspectNode("node-3")
                    #expect(joined.status.state == .ready && joined.description?.hostname == "node-3")
                }
            }
        }
    }

    @Test func `init answers for a node that is drained`() async throws {
        try await withNodes(1) { nodes in
            let drained = nodes[0]
            try await drained.running { swarm in
                var request = SwarmInitRequest()
                request.listenAddr = HostText.join(drained.address, drained.port)
                request.availability = "drain"
                _ = try await swarm.initialiseSwarm(request)
                let own = try await swarm.inspectNode("node-1")
                #expect(own.status.state == .ready && own.spec.availability == .drain)
            }
        }
    }

    @Test func `the node that founds a swarm tries the numbers of its ingress network`() async throws {
        try await withNodes(1) { nodes in
            let node = nodes[0]
            let blocked = IngressTrouble.parameter(name: "net.ipv4.conf.all.arp_ignore", value: "8")
            let pools = ["240.255.0.0/16", "198.18.0.0/16", "10.255.0.0/16"]
            @Sendable func subnet(_ swarm: Swarm) async throws -> String? {
                try await eventually("the node is ready") { try await ready(swarm) == 1 }
                return try await swarm.swarmNetworks().first?.ipamOptions?.configs?.first?.subnet?.description
            }
            try await node.running { swarm in
                node.executor.state.withLock { state in for pool in pools { state.troubles[pool] = blocked } }
                await #expect(
                    throws: APIError(
                        .unavailable,
                        "this node cannot have 240.255.0.0/16 as its swarm's ingress network: nothing arrives while net.ipv4.conf.all.arp_ignore is 8"
                    )
                ) { try await told { try await node.initialise(swarm) } }
                #expect(await swarm.swarmInfo().localNodeState == "inactive")
                node.executor.state.withLock { $0.troubles = ["240.255.0.0/16": .lost] }
                try await node.initialise(swarm)
                #expect(try await subnet(swarm) == "198.18.0.0/16")
                try await swarm.leaveSwarm(force: true)
                // Where nothing can be tried nothing is known to be in the way.
                node.executor.state.withLock { $0.failsTrials = true }
                try await node.initialise(swarm)
                #expect(try await subnet(swarm) == "240.255.0.0/16")
            }
        }
    }

    @Test func `a node joins with the worker's token only, and not with one that was rotated`() async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let cluster = try await manager.inspectSwarm()
                let tokens = try #require(cluster.joinTokens)
                try await second.running { worker in
                    func joining(_ token: String) async throws {
                        try await second.join(worker, token: token, manager: first)
                    }
                    await #expect(throws: APIError(.invalidInput, "invalid join token")) {
                        try await told { try await joining("bogus") }
                    }
                    let wrong = String(tokens.worker.dropLast()) + (tokens.worker.hasSuffix("x") ? "y" : "x")
                    await #expect(
                        throws: APIError(
                            .invalidInput,
                            "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
                        )
                    ) { try await told { try await joining(wrong) } }
                    // Another swarm's root: the secret is not told to whoever answers there.
                    let other = String(JoinToken(rootPEM: "other").description.prefix(60)) + tokens.worker.dropFirst(60)
                    await #expect(throws: APIError.self) { try await told { try await joining(other) } }
                    try await manager.updateSwarm(
                        version: cluster.version.index, cluster.spec, rotateWorkerToken: true,
                        rotateManagerToken: false, rotateUnlockKey: false)
                    await #expect(throws: APIError.self) { try await told { try await joining(tokens.worker) } }
                    #expect(try await manager.listNodes(Filters()).count == 1)
                    let rotated = try await manager.inspectSwarm()
                    #expect(rotated.joinTokens?.manager == tokens.manager)
                    try await joining(rotated.joinTokens?.worker ?? "")
                    try await eventually("both nodes are ready") { try await ready(manager) == 2 }
                    await #expect(throws: APIError.self) { try await told { try await worker.listNodes(Filters()) } }
                    #expect(await worker.swarmInfo().remoteManagers?.map(\.addr) == ["\(first.address):\(first.port)"])
                    await #expect {
                        try await manager.updateSwarm(
                            version: cluster.version.index, cluster.spec, rotateWorkerToken: true,
                            rotateManagerToken: false, rotateUnlockKey: false)
                    } throws: { DockerMessage.text(of: $0).hasSuffix("update out of sequence") }
                }
            }
        }
    }

    @Test func `a service's tasks run on both nodes, are told as backends, and end with the service`() async throws {
        try await withSwarm { manager, first, worker, second in
            var request = NetworkRequest()
            request.name = "net"
            let network = try await manager.createSwarmNetwork(request)
            try await eventually("the worker knows ingress only") {
                try await worker.swarmNetworks().map(\.spec.name) == ["ingress"]
            }
            let id = try await manager.createService(
                service("web", replicas: 4, published: 8080, networks: ["net"])
            ).id
            try await eventually("4 tasks run") {
                try await manager.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks == 4
            }
            #expect(first.executor.running.count == 2 && second.executor.running.count == 2)
            try await eventually("both nodes know 4 backends") {
                [first, second].allSatisfy { node in
                    let place = node.executor.network?.networks.first { $0.network.id == network }
                    return node.backendCount == 4 && place?.services.first?.backends.count == 4
                }
            }
            let state = try #require(second.executor.network)
            #expect(state.peers.map(\.hostname).sorted() == ["node-1", "node-2"])
            #expect(state.peers.allSatisfy { $0.ingressAddresses?.v4?.prefixLength == 16 })
            #expect(try await worker.swarmNetworks().map(\.spec.name).sorted() == ["ingress", "net"])
            await #expect {
                try await manager.removeSwarmNetwork(id: network)
            } throws: {
                DockerMessage.text(of: $0)
                    == "rpc error: code = FailedPrecondition desc = network \(network) is in use by service \(id)"
            }
            let filters = Filters(["service": ["web"], "node": ["node-2"], "desired-state": ["running"]])
            #expect(try await manager.listTasks(filters).count == 2)

            try await manager.removeService("web")
            await #expect(throws: APIError(.notFound, "service web not found")) {
                try await told {
                    try await manager.inspectService("web", insertDefaults: false)
                }
            }
            try await eventually("all tasks are gone") {
                try await manager.listTasks(Filters()).isEmpty && first.executor.running.isEmpty
                    && second.executor.state.withLock { $0.containers.isEmpty }
            }
            try await manager.removeSwarmNetwork(id: network)
        }
    }

    @Test func `who leaves by force kills the tasks, who leaves otherwise stops them first`() async throws {
        try await withSwarm { manager, first, worker, second in
            _ = try await manager.createService(service("web", replicas: 2))
            try await eventually("one task each") {
                first.executor.running.count == 1 && second.executor.running.count == 1
            }
            let task = try #require(second.executor.running.first)
            try await worker.leaveSwarm(force: false)
            #expect(second.executor.state.withLock { $0.stops == [task] && $0.containers.isEmpty })
            try await manager.leaveSwarm(force: true)
            #expect(first.executor.state.withLock { $0.stops.isEmpty && $0.containers.isEmpty })
        }
    }

    @Test func `what becomes of an object does not overtake its update, another update does`() async throws {
        try await withNodes(1) { nodes in
            try await nodes[0].running { manager in
                try await nodes[0].initialise(manager)
                try await eventually("the node is ready") { try await ready(manager) == 1 }
                _ = try await manager.createService(service("web", replicas: 1, published: 8080))
                let service = try await manager.inspectService("web", insertDefaults: false)
                let node = try await manager.inspectNode("self")
                var (spec, requested) = (service.spec, node.spec)
                spec.labels = ["a": "b"]
                requested.labels = ["a": "b"]
                // As if both had been read before they last changed, which was by the swarm itself.
                let (seen, known) = (service.version.index - 1, node.version.index - 1)
                _ = try await manager.updateService("web", version: seen, spec, rollback: false)
                try await manager.updateNode(node.id, version: known, requested)
                let overtaken = APIError(.internalError, "rpc error: code = Unknown desc = update out of sequence")
                await #expect(throws: overtaken) {
                    try await told {
                        _ = try await manager.updateService("web", version: seen, spec, rollback: false)
                    }
                }
                await #expect(throws: overtaken) {
                    try await told { try await manager.updateNode(node.id, version: known, requested) }
                }
                #expect(try await manager.inspectNode("self").spec.labels == ["a": "b"])
            }
        }
    }

    @Test func `a task is stopped only when every node sends it nothing any more`() async throws {
        try await withSwarm { manager, first, _, second in
            _ = try await manager.createService(service("web", replicas: 2, published: 8080))
            try await eventually("2 backends") { second.backendCount == 2 }
            try await eventually("2 backends") { first.backendCount == 2 }
            first.executor.state.withLock { $0.holdsNetworks = true }
            let present = try await manager.inspectService("web", insertDefaults: false)
            var spec = present.spec
            spec.mode.replicated = .init(replicas: 0)
            _ = try await manager.updateService("web", version: present.version.index, spec, rollback: false)
            try await eventually("the second node has taken them out") {
                second.executor.network?.ports.first?.backends.isEmpty == true
            }
            #expect(second.executor.state.withLock { $0.stops.isEmpty } && first.executor.running.count == 1)
            first.executor.state.withLock { $0.holdsNetworks = false }
            try await eventually(within: .seconds(3), "both are stopped") {
                first.executor.running.isEmpty && second.executor.running.isEmpty
            }
        }
    }

    @Test func `a node that is silent is down and its tasks run elsewhere; it comes back without them`() async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    try await eventually("both are ready") { try await ready(manager) == 2 }
                    _ = try await manager.createService(service("web", replicas: 2, published: 8080))
                    try await eventually("one task each") {
                        first.executor.running.count == 1 && second.executor.running.count == 1
                    }
                }
                // The second daemon is gone, its container runs on.
                let task = try #require(second.executor.running.first)
                try await eventually(within: .seconds(15), "it is down") {
                    try await manager.inspectNode("node-2").status.state == .down
                }
                try await eventually(within: .seconds(15), "both tasks run on the first") {
                    first.executor.running.count == 2
                }
                #expect(first.backendCount ?? 0 <= 2)
                try await second.running { _ in
                    try await eventually("it is back") { try await ready(manager) == 2 }
                    try await eventually("its old task has ended") {
                        try await manager.inspectTask(task).status.state == .shutdown
                    }
                    #expect(second.executor.running.isEmpty)
                }
            }
        }
    }

    @Test func `daemons that start again resume their parts and no task starts anew`() async throws {
        try await withNodes(2) { nodes in
            let (first, second) = (nodes[0], nodes[1])
            try await first.running { manager in
                try await first.initialise(manager)
                let token = try await manager.inspectSwarm().joinTokens?.worker ?? ""
                try await second.running { worker in
                    try await second.join(worker, token: token, manager: first)
                    try await eventually("both are ready") { try await ready(manager) == 2 }
                    _ = try await manager.createService(service("web", replicas: 4))
                    try await eventually("4 tasks run") {
                        try await manager.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks
                            == 4
                    }
                }
            }
            let before = first.executor.running.union(second.executor.running)
            try await second.running { worker in
                // No manager is there: the node knows its part all the same.
                #expect(await worker.swarmInfo().localNodeState == "active")
                try await eventually("it knows its networks") {
                    try await worker.swarmNetworks().map(\.spec.name) == ["ingress"]
                }
                try await first.running { manager in
                    try await eventually(within: .seconds(20), "both are ready") { try await ready(manager) == 2 }
                    try await eventually("4 tasks run") {
                        try await manager.listServices(Filters(), withStatus: true).first?.serviceStatus?.runningTasks
                            == 4
                    }
                    #expect(first.executor.running.union(second.executor.running) == before)
                    for node in [first, second] {
                        #expect(node.executor.state.withLock { $0.starts.values.allSatisfy { $0 == 1 } })
                    }
                    // A container that ends now is noticed by the new daemon.
                    let task = try #require(second.executor.running.first)
                    second.executor.end(task, exitCode: 3)
                    try await eventually("it has failed") {
                        let status = try await manager.inspectTask(task).status
                        return status.state == .failed && status.err == "task: non-zero exit (3)"
                            && status.containerStatus?.exitCode == 3
                    }
                }
            }
        }
    }
}
