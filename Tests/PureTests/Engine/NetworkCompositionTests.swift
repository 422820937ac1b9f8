import Addressing
import DataPlane
import Model
import NameService
import PathProbes
import TestKit
import Testing

@testable import Engine

/// A node's networks and names as they are changed by key. What is computed from nothing is the oracle.
@Suite struct NetworkCompositionTests {
    /// A node with containers and a swarm around it, which change at random.
    private struct World {
        var random: SeededGenerator
        var containers: [String: ContainerRecord] = [:]
        var networks: [String: LocalNetwork] = [:]
        var sequence: UInt64 = 0
        /// Networks are encrypted by the swarm's word or by that of some containers, which may know them otherwise than others do.
        var isMixed = false

        static let overlays = ["app", "back", "ing"]
        static let bridges = ["gw", "lan", "br"]
        static let words = ["web", "WWW", "db", "tasks.web", "web.app", "db.back", "api", "not a name!", "lan"]

        mutating func chance(_ part: Int) -> Bool { Int.random(in: 0..<part, using: &random) == 0 }
        mutating func pick<Value>(_ values: [Value]) -> Value {
            values[Int.random(in: 0..<values.count, using: &random)]
        }
        mutating func some<Value>(_ values: [Value]) -> [Value] {
            values.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        }
        mutating func number(_ range: ClosedRange<UInt8>) -> UInt8 { UInt8.random(in: range, using: &random) }

        static func swarmNetwork(_ id: String, open: Bool) -> SwarmNetwork {
            var network = SwarmNetwork(id: id)
            network.spec.name = id
            network.spec.ingress = id == "ing"
            network.driverState = Driver(
                name: "overlay",
                options: [
                    SwarmNetwork.identifierOption: id == "ing" ? "4096" : id == "app" ? "4097" : "4098",
                    SpoofCheck.option: open ? "off" : "on", InterContainer.option: open ? "false" : "true",
                ])
            return network
        }

        static func localNetwork(_ id: String, isInternal: Bool) -> LocalNetwork {
            let name = id == "gw" ? LocalNetwork.gatewayBridgeName : id == "br" ? "bridge" : id
            var network = LocalNetwork(id: id, name: name, driver: "bridge", created: .zero)
            network.isInternal = isInternal
            let third: UInt8 = id == "gw" ? 18 : id == "lan" ? 19 : 17
            network.ranges = [
                AddressRange(subnet: IPNetwork(address: IPAddress(172, third, 0, 0), prefixLength: 16))
            ]
            network.gateways = HostAddresses(IPAddress(172, third, 0, 1))
            return network
        }

        static func third(_ network: String) -> UInt8 {
            switch network {
            case "app": 1
            case "back": 2
            case "ing": 3
            case "gw": 18
            case "lan": 19
            default: 17
            }
        }

        // MARK: Facts

        mutating func fact(swarm: Bool) -> NetworkFact {
            if swarm {
                switch number(0...4) {
                case 0: return .settings(.init(dataPathPort: UInt16(number(1...3)), controlPorts: [2377]))
                case 1, 2:
                    let node = number(1...3)
                    var peer = SwarmNetworkState.Peer(
                        nodeID: "n\(node)", hostname: "h", address: IPAddress(203, 0, 113, node),
                        ingressAddresses: chance(3)
                            ? nil
                            : EndpointAddresses(
                                IPNetwork(address: IPAddress(10, 3, 0, 100 + node), prefixLength: 24)))
                    if isMixed, chance(2) {
                        peer.encryption = EncryptionPlace(number: 1, page: 7, restarts: 0, lanes: 1)
                    }
                    return .peer(peer)
                case 3:
                    // One, or a row, which leads to the same numbers or to others.
                    let first = UInt16(number(1...3)) * 20
                    return .port(
                        .init(
                            .init(.tcp, first), targetPort: chance(2) ? first : UInt16(number(80...81)),
                            serviceID: "s1", last: chance(2) ? first + UInt16(number(1...3)) : nil))
                default:
                    return .meshBackend(.init(.tcp, UInt16(number(1...3)) * 20), IPAddress(10, 3, 0, number(5...9)))
                }
            }
            let id = pick(Self.overlays)
            let third = Self.third(id)
            switch number(0...6) {
            case 0:
                var network = Self.swarmNetwork(id, open: chance(3))
                if isMixed, chance(2) {
                    var options = network.driverState?.options ?? [:]
                    options[SwarmNetwork.encryptedOption] = ""
                    network.driverState = Driver(name: "overlay", options: options)
                }
                return .network(network)
            case 1, 2:
                let address = number(5...9)
                return .endpoint(
                    network: id,
                    .init(
                        addresses: HostAddresses(IPAddress(10, third, 0, address)), nodeID: "n\(number(1...3))",
                        taskID: "t", vtep: IPAddress(203, 0, 113, number(1...3)),
                        containerID: chance(3) ? "" : "c\(address)c\(address)c\(address)c\(address)c\(address)c",
                        names: some(Self.words)))
            case 3, 4:
                let service = number(1...3)
                return .service(
                    network: id,
                    .init(
                        serviceID: "s\(service)", name: pick(["web", "db", "api", "x\(service)"]),
                        aliases: some(["www", "web", "alias"]),
                        virtualAddresses: chance(3) ? nil : HostAddresses(IPAddress(10, third, 0, 200 + service))))
            default:
                return .backend(network: id, service: "s\(number(1...3))", IPAddress(10, third, 0, number(5...9)))
            }
        }

        mutating func changeSet() -> NetworkChangeSet {
            sequence += 1
            let facts = (0..<number(1...4)).map { _ in fact(swarm: chance(3)) }
            let scope = facts[0].key?.scope ?? .swarm
            let upserts = facts.filter { $0.key?.scope == scope }
            if case .network = scope, chance(12) { return NetworkChangeSet(scope, sequence: sequence, isEnd: true) }
            if chance(10) { return NetworkChangeSet(scope, sequence: sequence, isSnapshot: true, upserts: upserts) }
            if chance(3) { return NetworkChangeSet(scope, sequence: sequence, removals: upserts.compactMap(\.key)) }
            return NetworkChangeSet(scope, sequence: sequence, upserts: upserts)
        }

        // MARK: Containers

        /// - Returns: Which container is another one now, or none.
        mutating func changeContainer() -> String {
            let id = number(1...5)
            containers["c\(id)"] = container(id)
            return "c\(id)"
        }

        mutating func changeNetwork() {
            let id = pick(World.bridges)
            networks[id] = chance(3) ? nil : World.localNetwork(id, isInternal: chance(3))
        }

        mutating func container(_ number: UInt8) -> ContainerRecord? {
            if chance(4) { return nil }
            var record = ContainerRecord(
                id: "c\(number)", name: "name\(number)", created: .zero, imageID: "",
                configuration: ContainerConfiguration(), hostConfig: HostConfiguration(), commandLine: ["x"])
            if chance(3) { record.configuration.hostname = "host\(number)" }
            if chance(2) { record.phase = .running(.init(pid: 1, startedAt: .zero)) }
            if chance(6) { record.hostConfig.privileged = true }
            if chance(6) {
                record.hostConfig.networkMode = "container:c\(self.number(1...5))"
                return record
            }
            for id in some(Self.bridges + Self.overlays) {
                var endpoint = EndpointRecord(networkID: id, networkName: id)
                endpoint.endpointID = chance(6) ? "" : "ep-\(id)-\(number)"
                endpoint.interfaceName = "eth\(record.endpoints.count)"
                endpoint.addresses = EndpointAddresses(
                    IPNetwork(address: IPAddress(172, Self.third(id), 0, number), prefixLength: 16))
                if Self.overlays.contains(id) {
                    endpoint.overlay = .init(
                        vni: UInt32(Self.third(id)), isInternal: false, isIngress: id == "ing", mtu: nil)
                    if isMixed {
                        endpoint.overlay?.isEncrypted = chance(3) ? true : nil
                        endpoint.overlay?.mtu = chance(3) ? 1300 : nil
                    }
                } else {
                    endpoint.gateways = HostAddresses(IPAddress(172, Self.third(id), 0, 1))
                }
                endpoint.requested = EndpointSettings()
                endpoint.requested?.aliases = some(["a", "b", "shared"])
                endpoint.requested?.links = some(["name1:one", "one:two", "two:one", "shared:a", "nobody:x"])
                record.endpoints.append(endpoint)
            }
            return record
        }
    }

    private static func sorted(_ network: NodeNetwork) -> NodeNetwork {
        var network = network
        network.bridges.sort { $0.id < $1.id }
        network.overlays.sort { $0.id < $1.id }
        network.sandboxes.sort { $0.id < $1.id }
        for index in network.overlays.indices {
            let services = network.overlays[index].services
            network.overlays[index].services = services.map { service in
                VirtualAddress(address: service.address, backends: service.backends.sorted())
            }
        }
        for index in network.ingress?.ports.indices ?? 0..<0 {
            network.ingress?.ports[index].backends.sort { $0.address < $1.address }
        }
        network.ingress?.ports.sort {
            ($0.publishedPort, $0.transport.rawValue) < ($1.publishedPort, $1.transport.rawValue)
        }
        return network
    }

    private static let asked: [String] = {
        var names =
            World.words + ["www", "alias", "tasks.db", "tasks.api", "tasks.www", "tasks.alias"]
            + ["shared", "a", "b", "one", "two", "x", "x1"]
        for number in 1...9 {
            names += [
                "c\(number)", "name\(number)", "host\(number)", "c\(number)c\(number)c\(number)c\(number)c\(number)c",
            ]
        }
        names += names.flatMap { name in ["app", "back", "lan", "docker_gwbridge"].map { "\(name).\($0)" } }
        let ends = Array(1...9) + [201, 202, 203]
        names += [(10, 1), (10, 2), (172, 19), (172, 18)].flatMap { first, second in
            ends.map { "\($0).0.\(second).\(first).in-addr.arpa" }
        }
        return names
    }()

    @Test(arguments: SimulationSeeds.of("SEEDS", 6))
    func `changes by key lead where everything computed from nothing leads`(seed: UInt64) {
        var world = World(random: SeededGenerator(seed: seed))
        var composer = NodeNetworkComposer(facts: NetworkFacts(), nodeID: "n1", underlayMTU: 1500)
        var names = NameDirectory()
        var network = NodeNetwork()
        for step in 0..<80 {
            var parts: Set<NetworkKey> = []
            var details: Set<NetworkFact.Key> = []
            var members: Set<String> = []
            switch world.number(0...5) {
            case 0, 1:
                members.insert(world.changeContainer())
            case 2:
                world.changeNetwork()
                let concerned = composer.replace(networks: Array(world.networks.values))
                for case .sandbox(let id) in concerned { members.insert(id) }
                for case .bridge(let id) in concerned where world.networks[id] == nil { names.forget(network: id) }
                parts.formUnion(concerned)
            default:
                let changed = composer.apply((0..<world.number(1...3)).map { _ in world.changeSet() })
                parts.formUnion(changed.parts)
                details = changed.facts
                names.take(changed.facts, of: composer.facts) { composer.joined[$0] != nil }
            }
            for id in members {
                parts.formUnion(composer.set(id, world.containers[id]))
                names.take(id, world.containers[id], composer.networks)
            }
            network.apply(composer.changes(parts, details: details))
            let oracle = NodeNetworkComposer(
                containers: Array(world.containers.values), networks: Array(world.networks.values),
                facts: composer.facts, nodeID: "n1", underlayMTU: 1500)
            #expect(Self.sorted(network) == Self.sorted(oracle.compose()), "step \(step)")
            // They are many.
            guard step % 4 == 3 else { continue }
            let tables = NameTableComposer(
                containers: Array(world.containers.values), networks: Array(world.networks.values),
                facts: composer.facts)
            for record in world.containers.values {
                let whole = tables.table(for: record)
                let own = names.names(for: record, composer.networks)
                #expect(whole.forwards == own.forwards)
                for text in Self.asked {
                    guard let name = DomainName(text) else { continue }
                    let (expected, found) = (whole.addresses(of: name), own.addresses(of: name))
                    if expected.map(Set.init) != found.map(Set.init) {
                        Issue.record("step \(step): \(text) of \(record.id) is \(found ?? []), not \(expected ?? [])")
                    }
                    #expect(whole.pointer(for: name) == own.pointer(for: name), "step \(step): \(text) of \(record.id)")
                }
            }
        }
    }

    @Test(arguments: SimulationSeeds.of("SEEDS", 20))
    func `what is encrypted and what is measured is asked for whenever it is other`(seed: UInt64) {
        var world = World(random: SeededGenerator(seed: seed), isMixed: true)
        let layout = Layout(runDirectory: "/run/test")
        var state = NetworkRefreshState()
        state.composer = NodeNetworkComposer(facts: NetworkFacts(), nodeID: "n1", underlayMTU: 1500)
        state.pending = NetworkRefreshState.Pending(isWhole: false)
        var encryption: EncryptionDemand?
        var paths: PathDemand?
        var encryptedPaths: PathDemand?
        var unconcerned = (encryption: 0, paths: 0)
        for step in 0..<200 {
            var members: Set<String> = []
            var local: (version: UInt64, all: [LocalNetwork])?
            switch world.number(0...6) {
            case 0, 1:
                members.insert(world.changeContainer())
            case 2:
                world.changeNetwork()
                local = (UInt64(step), Array(world.networks.values))
            default:
                let changed = state.composer.apply((0..<world.number(1...2)).map { _ in world.changeSet() })
                state.pending.parts.formUnion(changed.parts)
                state.pending.facts.formUnion(changed.facts)
            }
            let containers = world.containers
            let refresh = state.next(members, local, all: nil) { containers[$0] }
            if refresh.concernsEncryption {
                encryption = state.composer.encryptionDemand(layout)
            } else {
                unconcerned.encryption += 1
            }
            if refresh.concernsPaths {
                paths = state.composer.pathDemand()
                encryptedPaths = state.composer.encryptedPathDemand()
            } else {
                unconcerned.paths += 1
            }
            let oracle = NodeNetworkComposer(
                containers: Array(world.containers.values), networks: Array(world.networks.values),
                facts: state.composer.facts, nodeID: "n1", underlayMTU: 1500)
            #expect(encryption == oracle.encryptionDemand(layout), "step \(step)")
            #expect(paths == oracle.pathDemand(), "step \(step)")
            #expect(encryptedPaths == oracle.encryptedPathDemand(), "step \(step)")
            #expect(state.composer.endpointNodes == oracle.endpointNodes, "step \(step)")
            #expect(state.composer.firstJoined == oracle.joined.compactMapValues { $0.min() }, "step \(step)")
        }
        #expect(unconcerned.encryption > 0 && unconcerned.paths > 0)
    }
}
