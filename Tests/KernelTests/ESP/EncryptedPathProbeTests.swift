import Addressing
import ESPControl
import EngineInterface
import LinuxSystem
import Logging
import Netlink
import Nftables
import PathProbes
import Synchronization
import TestKit
import Testing

/// Ways measured through the process that encrypts, between two nodes.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EncryptedPathProbeTests {
    private static func prober(_ node: EncryptedWorld.Node, _ place: Kept<String?>) -> PathProber {
        var pace = PathMachine.Pace()
        (pace.round, pace.again) = (.milliseconds(500), .milliseconds(100))
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return PathProber(node: node.namespace, kind: .esp, pace: pace, log: log) { path in
            place.withLock { $0 = path }
        }
    }

    /// One network more, as the daemon has it told.
    private static func tell(
        _ node: EncryptedWorld.Node, _ world: EncryptedWorld, _ place: Kept<String?>
    ) async throws {
        let path = try await eventually(within: .seconds(20), "a namespace is named") { place.withLock { $0 } }
        var state = try world.state(node, page: node.client.status.value.hello?.page, epochs: [1])
        var network = EncryptedNetwork(
            vni: ProbeDevice.vni, id: "", tap: ProbeDevice.encryptedName, namespace: path, mtu: 1408)
        for peer in world.nodes where peer.id != node.id {
            network.members.insert(peer.id)
            network.stations[ProbeFrame.station(of: peer.address)] = EncryptedStation(peer: peer.id)
        }
        state.networks[ProbeDevice.vni] = network
        let version = node.client.replace(with: state)
        _ = try await eventually(within: .seconds(20), "the process has it") {
            node.client.status.value.has(version) ? true : nil
        }
    }

    @Test func `C10: a firewall that drops ESP's port is found, with full lengths, and that it does so no more`()
        async throws
    {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let places = world.nodes.map { _ in Kept<String?>(nil) }
            let probers = zip(world.nodes, places).map { Self.prober($0, $1) }
            @Sendable func found(_ number: Int) -> PathMeasurement? { probers[number].measurements(seconds: 1).first }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for prober in probers { group.addTask { try await prober.run() } }
                for (number, prober) in probers.enumerated() {
                    let (own, other) = (world.nodes[number], world.nodes[1 - number])
                    prober.demand.set(
                        PathDemand(
                            device: ProbeDevice.Setting(own: own.address, port: 4789, kind: .esp), linkMTU: 1500,
                            targets: [PathTarget(id: other.id.rawValue, address: other.address, isShared: true)],
                            members: [other.address]))
                    try await Self.tell(own, world, places[number])
                }
                for number in 0..<2 {
                    try await eventually(within: .seconds(60), "well: \(String(describing: found(number)))") {
                        found(number)?.mtu == 1500 && found(number)?.findings == []
                    }
                }
                #expect(found(0)?.kind == .esp && found(0)?.roundTripMicroseconds != nil)
                try await world.nodes[1].namespace.run {
                    try NftContext().run(
                        "table ip wall { chain in { type filter hook input priority 0; udp dport 4790 drop; }; }\n")
                }
                try await eventually(within: .seconds(60), "silent: \(String(describing: found(0)))") {
                    found(0)?.findings == .silent && found(1)?.findings == .silent && found(1)?.isHeard == false
                }
                try await world.nodes[1].namespace.run { try NftContext().run("delete table ip wall\n") }
                try await eventually(within: .seconds(60), "well again: \(String(describing: found(0)))") {
                    found(0)?.findings.contains(.silent) == false && found(1)?.findings.contains(.silent) == false
                }
                group.cancelAll()
            }
            #expect(places.allSatisfy { $0.withLock { $0 } == nil })
        }
    }
}
