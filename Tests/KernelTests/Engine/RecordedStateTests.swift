import EngineInterface
import LinuxSystem
import Logging
import Model
import TestKit
import Testing

@testable import Engine
@testable import Images

/// An engine that starts with what an earlier version has stored, or with what it cannot read.
@Suite(.timeLimit(.minutes(2))) struct RecordedStateTests {
    private static let containers: Set = [
        "web", "ended", "made", "plain", "shared", "linked2", "guest",
        "every.50ri5pu36n6vma34gs5eivgvm.6b9dfsauo94rlv5cahbhrwjez",
        "gjob.50ri5pu36n6vma34gs5eivgvm.c1fvb29iw599cfu4dnfc0gkxt",
        "job.1.9ca3eyk8h1sw5d5a6u1c7uf1h", "web.2.52aiosb2awkkbons53ah5yuk0", "web.2.9o1mzxhnxpmpqmclr9zzdewq8",
    ]

    private func withEngine(
        _ directory: String, _ body: (NodeEngine) async throws -> Void
    ) async throws {
        try await withNetworkNamespace { namespace in
            let engine = try await NodeEngine.open(
                EngineConfiguration(
                    rootDirectory: directory + "/lib", runDirectory: directory + "/run", version: "test"),
                namespace: namespace, log: Logger(label: "engine") { _ in SwiftLogNoOpLogHandler() })
            try await cleaningUp {
                try await body(engine)
            } by: {
                try await engine.store.close()
                try await engine.network.dataPlane.teardown()
            }
        }
    }

    private func names(_ engine: NodeEngine) -> Set<String> { Set(engine.table.all.map(\.name)) }

    private func setAside(_ engine: NodeEngine) async -> [String] {
        var told: [String] = []
        for await event in engine.events.follow(since: .zero, until: .now, matching: { $0.action == "set-aside" }) {
            told.append("\(event.type) \(event.actorID.prefix(12))")
        }
        return told.sorted()
    }

    @Test func `what version 0.2.0 has stored is taken over`() async throws {
        try await withTemporaryDirectory { directory in
            try RecordedFiles.copyState(to: directory + "/lib")
            try await withEngine(directory) { engine in
                #expect(names(engine) == Self.containers)
                let web = try #require(engine.table.all.first { $0.name == "web" })
                #expect(
                    web.hostConfig.restartPolicy.name == "unless-stopped" && web.hostConfig.portBindings?.count == 2)
                #expect(web.endpoints.map(\.networkName).sorted() == ["closed", "lan"])
                // Its process has gone, and with it the places that it had; what was asked for stays.
                let lan = web.endpoints.first { $0.networkName == "lan" }
                #expect(lan?.requested?.ipamConfig?.iPv4Address == "10.77.0.20" && lan?.requested?.aliases == ["www"])
                let guest = try #require(engine.table.all.first { $0.name == "guest" })
                #expect(guest.endpoints.first { $0.networkName == "mesh" }?.requested?.aliases == ["g"])
                let networks = try await engine.networks.listNetworks(Filters())
                #expect(
                    Set(networks.map(\.name)).isSuperset(of: [
                        "bridge", "host", "none", "lan", "closed", "docker_gwbridge",
                    ]))
                #expect(networks.first { $0.name == "lan" }?.labels == ["who": "fixture"])
                let named = try await engine.networks.listNetworks(Filters(["name": ["^la[a-z]$"]]))
                #expect(named.map(\.name) == ["lan"])
                let volumes = try await engine.volumes.listVolumes(Filters())
                #expect(Set(volumes.map(\.name)).isSuperset(of: ["data", "small", "sv"]))
                #expect(volumes.first { $0.name == "data" }?.labels == ["who": "fixture"])
                let chosen = try await engine.volumes.listVolumes(Filters(["name": ["^(data|s.)$"]]))
                #expect(chosen.map(\.name) == ["data", "sv"])
                #expect(engine.network.facts?.networks.values.contains { $0.network?.spec.name == "mesh" } == true)
                // What was one value is rows now, and says the same.
                let told = engine.network.facts
                #expect(try await engine.store.load(SwarmPlace.self, kind: .node, id: SwarmPlace.key) == nil)
                #expect(try await KeptFacts(store: engine.store).load()?.facts == told)
                // Their layers were not recorded: what they were called and came with is known, and they are to be pulled again.
                let images = await engine.images.images.table
                #expect(images.ids.map(\.short).sorted() == ["2efdde5e410d", "2f6bd82c6f40", "f18f9afb3514"])
                #expect(images.references["docker.io/apus/echo:latest"]?.short == "2f6bd82c6f40")
                #expect(images.references.count == 6 && images.images.values.allSatisfy { $0.manifest != nil })
                #expect(await setAside(engine).isEmpty)
            }
        }
    }

    @Test func `what cannot be read is set aside with an event, and comes back when it can be read`() async throws {
        try await withTemporaryDirectory { directory in
            try RecordedFiles.copyState(to: directory + "/lib")
            let database = directory + "/lib/engine.db"
            let made = "72d0563b318e8742441dd4a519bf93955dfb607044596ff3620b61924630a50b"
            let lan = "ceca638c8d79100c029107083184099f8e5e516ac46b7f38414a75d2e55bec87"
            try RecordedFiles.replace(
                #"{"kind":"container","value":{"id":"\#(made)"},"version":99}"#, kind: "containers", id: made,
                in: database)
            try RecordedFiles.replace("rubbish", kind: "networks", id: lan, in: database)
            try RecordedFiles.replace("{}", kind: "volumes", id: "data", in: database)
            try RecordedFiles.replace(
                #"{"kind":"swarm-place","value":{},"version":2}"#, kind: "node", id: "swarm", in: database)
            let expected = ["container \(made.prefix(12))", "daemon swarm", "network \(lan.prefix(12))", "volume data"]
            for _ in 0..<2 {
                try await withEngine(directory) { engine in
                    #expect(names(engine) == Self.containers.subtracting(["made"]))
                    #expect(
                        engine.networks.networks.named("lan") == nil && engine.networks.networks.named("closed") != nil)
                    #expect(try await engine.volumes.listVolumes(Filters()).contains { $0.name == "sv" })
                    #expect(await setAside(engine) == expected)
                    let reasons = try await engine.store.unread().map(\.reason)
                    #expect(
                        reasons.contains { $0.contains("a newer version of Apus wrote it: container in form 99") },
                        "\(reasons)")
                }
            }
        }
    }
}
