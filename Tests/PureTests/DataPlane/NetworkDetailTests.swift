import Addressing
import Model
import TestKit
import Testing

@testable import DataPlane

/// The whole value is the oracle: changes within parts lead to the same network, whatever numbers are given.
@Suite struct NetworkDetailTests {
    private static func address(_ net: UInt8, _ last: Int) -> IPAddress { IPAddress(10, net, 0, UInt8(last)) }

    private static func remote(_ last: Int, at node: Int) -> RemoteEndpoint {
        RemoteEndpoint(address: address(1, last), vtep: address(9, node))
    }

    static let empty = NodeNetwork(
        underlay: Underlay(address: address(9, 1), peers: []),
        bridges: [
            BridgeNetwork(id: "gw", linkName: "gw", gateway: IPNetwork(address: address(2, 1), prefixLength: 24))
        ],
        overlays: ["a", "b"].map { OverlayNetwork(id: $0, vni: 4097) },
        ingress: IngressSandbox(
            address: IPNetwork(address: address(3, 1), prefixLength: 24), overlayID: "a", bridgeID: "gw",
            gatewayAddresses: IPNetwork(address: address(2, 2), prefixLength: 24)))

    static func address6(_ net: UInt8, _ last: Int) -> IPAddress {
        .v6(IPv6Address(high: 0xfd00 << 48 | UInt64(net), low: UInt64(last)))
    }
    static func network6(_ net: UInt8, _ last: Int) -> IPNetwork {
        IPNetwork(address: address6(net, last), prefixLength: 64)
    }

    /// The same with the mesh in both families.
    static let dual: NodeNetwork = {
        var network = empty
        network.bridges[0].addresses.v6 = network6(2, 1).v6
        network.ingress?.addresses.v6 = network6(3, 1).v6
        network.ingress?.gatewayAddresses.v6 = network6(2, 2).v6
        return network
    }()

    /// What the changes are to lead to, kept in plain sets.
    struct Oracle {
        /// Both overlays have the same addresses of services.
        var sharesAddresses = true
        /// Tasks of the mesh have addresses of either family.
        var isDual = false
        var remotes: [String: [IPAddress: RemoteEndpoint]] = ["a": [:], "b": [:]]
        var reserved: [String: Set<IPAddress>] = ["a": [], "b": []]
        var tasks: [String: [IPAddress: Set<IPAddress>]] = ["a": [:], "b": [:]]
        var ports: [MeshPortKey: Set<MeshPort.Backend>] = [:]
        var peers: Set<IPAddress> = []

        mutating func step(_ random: inout SplitMix, _ changes: inout NetworkChanges) {
            let overlay = Bool.random(using: &random) ? "a" : "b"
            let (task, service) = (Int.random(in: 1...6, using: &random), Int.random(in: 100...102, using: &random))
            let net: UInt8 = !sharesAddresses && overlay == "a" ? 3 : 1
            let (place, virtual) = (address(1, task), address(net, service))
            let port = MeshPortKey(transport: .tcp, number: UInt16(service))
            let isSix = isDual && Bool.random(using: &random)
            let backend = MeshPort.Backend(address: isSix ? address6(3, task + 50) : place, port: 80)
            switch Int.random(in: 0...13, using: &random) {
            case 0, 1:
                let endpoint = remote(task, at: Int.random(in: 1...3, using: &random))
                remotes[overlay]?[place] = endpoint
                changes.setRemote(endpoint, in: overlay)
            case 2:
                remotes[overlay]?[place] = nil
                changes.removeRemote(place, from: overlay)
            case 3:
                if tasks[overlay]?[virtual] == nil { tasks[overlay]?[virtual] = [] }
                changes.setService(virtual, in: overlay)
            case 4:
                tasks[overlay]?[virtual] = nil
                changes.removeService(virtual, from: overlay)
            case 5, 6, 7:
                tasks[overlay]?[virtual, default: []].insert(place)
                changes.setBackend(place, of: virtual, in: overlay)
            case 8:
                tasks[overlay]?[virtual]?.remove(place)
                changes.removeBackend(place, of: virtual, in: overlay)
            case 9:
                ports[port] = ports[port] ?? []
                changes.setPort(.tcp, port.number)
            case 10:
                ports[port] = nil
                changes.removePort(.tcp, port.number)
            case 11:
                ports[port, default: []].insert(backend)
                changes.setMeshBackend(backend, of: .tcp, port.number)
            case 12:
                ports[port]?.remove(backend)
                changes.removeMeshBackend(backend, of: .tcp, port.number)
            default:
                if Bool.random(using: &random) {
                    peers.insert(place)
                    reserved[overlay]?.insert(virtual)
                    changes.setPeer(place)
                    changes.setReserved(virtual, in: overlay)
                } else {
                    peers.remove(place)
                    reserved[overlay]?.remove(virtual)
                    changes.removePeer(place)
                    changes.removeReserved(virtual, from: overlay)
                }
            }
        }

        func agrees(with network: NodeNetwork) -> Bool {
            let overlays = network.overlays.allSatisfy { overlay in
                overlay.remotes == remotes[overlay.id] && overlay.reserved == reserved[overlay.id]
                    && overlay.tasks.mapValues(Set.init) == tasks[overlay.id]
                    && overlay.tasks.values.allSatisfy { Set($0).count == $0.count }
            }
            let mesh = Dictionary((network.ingress?.ports ?? []).map { ($0.key, $0.backends) }) { first, _ in first }
            return overlays && network.underlay?.peers == peers && mesh.mapValues(Set.init) == ports
                && mesh.values.allSatisfy { Set($0).count == $0.count }
        }
    }

    @Test(arguments: 1...50) func `changes within parts lead where they say, at once or one by one`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var oracle = Oracle()
        var (network, gathered) = (Self.empty, NetworkChanges())
        for _ in 0..<100 {
            var changes = NetworkChanges()
            oracle.step(&random, &changes)
            network.apply(changes)
            #expect(oracle.agrees(with: network))
            gathered.merge(changes)
        }
        var atOnce = Self.empty
        atOnce.apply(gathered)
        #expect(oracle.agrees(with: atOnce))
    }

    @Test func `what is said of a part that is not there is nothing, and a part says everything anew`() {
        var network = NodeNetwork()
        var changes = NetworkChanges()
        changes.setRemote(Self.remote(1, at: 1), in: "a")
        changes.setPeer(Self.address(9, 2))
        changes.setPort(.tcp, 80)
        network.apply(changes)
        #expect(network == NodeNetwork())
        changes.setBackend(Self.address(1, 1), of: Self.address(1, 100), in: "a")
        changes.set(.overlay(OverlayNetwork(id: "a", vni: 1)))
        changes.setReserved(Self.address(1, 7), in: "a")
        network.apply(changes)
        #expect(network.overlays == [OverlayNetwork(id: "a", vni: 1, reserved: [Self.address(1, 7)])])
    }

    @Test(arguments: 1...50) func `numbers stay as far as they are in use`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var numbers: [Int] = []
        for _ in 0..<50 {
            let wanted = (0..<Int.random(in: 0...8, using: &random)).map { _ in Int.random(in: 0...5, using: &random) }
            let kept = Numbering.keep(wanted, like: numbers)
            #expect(kept.sorted() == wanted.sorted())
            var free = wanted
            for (old, new) in zip(numbers, kept) {
                // A number changes only where its owner has gone, or is there as often as before already.
                if let place = free.firstIndex(of: old) {
                    #expect(new == old)
                    free.remove(at: place)
                }
            }
            numbers = kept
        }
    }

    @Test func `only what changes name is looked at for contradictions, and found`() {
        let sandbox = Sandbox(
            id: "s",
            endpoints: [
                Sandbox.Endpoint(
                    id: "e", network: .overlay("a"), interfaceName: "eth0",
                    address: IPNetwork(address: Self.address(1, 1), prefixLength: 24))
            ])
        var roster = Roster(Self.empty)
        func faults(_ say: (inout NetworkChanges) -> Void) -> Int {
            var changes = NetworkChanges()
            say(&changes)
            return roster.faults(of: changes).count
        }
        #expect(faults { $0.set(.sandbox(sandbox)) } == 0)
        #expect(faults { $0.remove(.bridge("gw")) } == 1)
        #expect(faults { $0.remove(.underlay) } == 1)
        #expect(faults { $0.remove(.overlay("b")) } == 0)
        var changes = NetworkChanges()
        changes.set(.sandbox(sandbox))
        changes.remove(.ingress)
        roster.apply(changes)
        #expect(faults { $0.remove(.overlay("a")) } == 1)
        #expect(
            faults {
                $0.remove(.overlay("a"))
                $0.remove(.sandbox("s"))
            } == 0)
        #expect(faults { $0.remove(.bridge("gw")) } == 0)
        var gone = NetworkChanges()
        gone.remove(.sandbox("s"))
        roster.apply(gone)
        #expect(faults { $0.remove(.overlay("a")) } == 0)
        #expect(faults { $0.set(.sandbox(sandbox)) } == 0)
        var left = NetworkChanges()
        left.remove(.overlay("a"))
        roster.apply(left)
        #expect(faults { $0.set(.sandbox(sandbox)) } == 1)
    }
}
