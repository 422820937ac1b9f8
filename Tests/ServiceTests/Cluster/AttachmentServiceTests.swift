import Addressing
import EngineInterface
import Faults
import LinuxSystem
import Model
import Synchronization
import TestKit
import Testing

@testable import Cluster

/// Places of containers outside of services, asked for over real TLS and kept in a real etcd.
@Suite(.serialized, .timeLimit(.minutes(3))) struct AttachmentServiceTests {
    private func network(_ name: String, attachable: Bool) -> NetworkRequest {
        var request = NetworkRequest()
        request.name = name
        request.driver = "overlay"
        request.attachable = attachable
        return request
    }

    private func spec(_ name: String, address: String? = nil) -> NetworkAttachmentSpec {
        NetworkAttachmentSpec(
            containerID: RandomID.docker(), containerName: name, aliases: ["pal"],
            address: address.map { RequestedAddresses($0) })
    }

    @Test func `a worker's container gets a place, every node hears of it, and it ends when nobody holds it`()
        async throws
    {
        try await withSwarm { manager, first, worker, second in
            let id = try await manager.createSwarmNetwork(network("att", attachable: true))
            // A node that has just joined is told of its networks a moment later.
            try await eventually("the worker has ingress alone") {
                try await worker.swarmNetworks().map(\.spec.name) == ["ingress"]
            }
            let requested = spec("box")
            let attachment = RandomID.swarm()
            second.executor.state.withLock { _ = $0.attachments.insert(attachment) }
            let place = try await worker.attach(attachment, to: "att", requested)
            #expect(place.network.id == id && place.addresses.count == 1)
            // The answer comes when the node has the network, and the same again for the same id.
            #expect(try await worker.swarmNetworks().map(\.spec.name).sorted() == ["att", "ingress"])
            #expect(try await worker.attach(attachment, to: "att", requested).addresses == place.addresses)
            let own = second.executor.network?.networks.first { $0.network.id == id }?.endpoints.first
            #expect(own?.containerID == requested.containerID)
            #expect(own?.names == ["box", String(requested.containerID.prefix(12)), "pal"])
            #expect(try await manager.listTasks(Filters()).isEmpty)
            // A container on the manager makes it hear of the other.
            let other = RandomID.swarm()
            first.executor.state.withLock { _ = $0.attachments.insert(other) }
            _ = try await manager.attach(other, to: id, spec("far"))
            try await eventually("both are told on both nodes") {
                [first, second].allSatisfy { node in
                    node.executor.network?.networks.first { $0.network.id == id }?.endpoints.count == 2
                }
            }
            second.executor.state.withLock { $0.renamed[attachment] = "bag" }
            try await eventually("both nodes find the container under its new name alone") {
                [first, second].allSatisfy { node in
                    let network = node.executor.network?.networks.first { $0.network.id == id }
                    return network?.endpoints.first { $0.taskID == attachment }?.names
                        == ["bag", String(requested.containerID.prefix(12)), "pal"]
                }
            }
            let inUse = await #expect(throws: APIError.self) {
                try await told { try await manager.removeSwarmNetwork(id: id) }
            }
            #expect(inUse?.message.contains("network \(id) is in use by task ") == true)
            second.executor.state.withLock { _ = $0.attachments.remove(attachment) }
            try await eventually("the network has gone from the worker") {
                try await worker.swarmNetworks().map(\.spec.name) == ["ingress"]
            }
            first.executor.state.withLock { _ = $0.attachments.remove(other) }
            try await eventually("nothing keeps the network") { await manager.networksInUse().isEmpty }
            try await manager.removeSwarmNetwork(id: id)
        }
    }

    @Test func `what is not attachable, not there, or taken is refused in Docker's words`() async throws {
        try await withSwarm { manager, _, worker, second in
            _ = try await manager.createSwarmNetwork(network("closed", attachable: false))
            let open = try await manager.createSwarmNetwork(network("open", attachable: true))
            func refusal(_ network: String, _ address: String? = nil) async -> APIError? {
                await #expect(throws: APIError.self) {
                    try await told {
                        try await worker.attach(RandomID.swarm(), to: network, spec("box", address: address))
                    }
                }
            }
            #expect(
                await refusal("closed")
                    == APIError(
                        .forbidden,
                        "Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable"
                    ))
            #expect(
                await refusal("nosuch")
                    == APIError(
                        .notFound,
                        "Could not attach to network nosuch: rpc error: code = NotFound desc = network nosuch not found"
                    ))
            #expect(
                await refusal("open", "10.9.9.9")?.message.hasSuffix(
                    "Invalid address 10.9.9.9: It does not belong to any of this network's subnets") == true)
            for (text, family) in [("10.9.9", "IPv4"), ("10.9.9.9,10.9.9.8", "IPv4"), ("fd00::1%eth0", "IPv6")] {
                let message = await refusal("open", text)?.message
                #expect(message?.hasSuffix("invalid \(family) address: \(text)") == true, "\(message ?? "")")
            }
            let reserved = await #expect(throws: APIError.self) {
                try await told {
                    var requested = spec("box")
                    requested.aliases = ["pal", "Tasks.web"]
                    _ = try await worker.attach(RandomID.swarm(), to: "open", requested)
                }
            }
            #expect(reserved?.message.contains("invalid alias Tasks.web") == true)
            let held = RandomID.swarm()
            second.executor.state.withLock { _ = $0.attachments.insert(held) }
            let place = try await worker.attach(held, to: open, spec("first"))
            let address = try #require(place.addresses.first?.address.description)
            #expect(
                await refusal("open", address)
                    == APIError(
                        .conflict,
                        "Could not attach to network open: rpc error: code = AlreadyExists desc = Address already in use"
                    ))
            try await eventually("nothing is left of what was refused") {
                try await manager.manager().model.objects.tasks.values.filter(\.isAttachment).map(\.id) == [held]
            }
        }
    }

    @Test func `a place that no container holds by the time the swarm gives it is given back`() async throws {
        try await withSwarm { manager, _, worker, _ in
            let id = try await manager.createSwarmNetwork(network("att", attachable: true))
            // As after a crash between the answer and the record: the engine knows nothing of it.
            _ = try? await worker.attach(RandomID.swarm(), to: "att", spec("ghost"))  // It may end before it is seen.
            try await eventually("nothing keeps the network") { await manager.networksInUse().isEmpty }
            try await manager.removeSwarmNetwork(id: id)
        }
    }
}
