import Addressing
import EngineInterface
import Faults
import Model
import NodeProtocol
import Orchestration
import Testing

@testable import Cluster

/// D2: where a service's ports are published.
@Suite struct PublishingRulesTests {
    private func state(routed: [String]? = ["192.0.2.0/24", "10.1.0.0/16"], label: String? = nil) -> SwarmState {
        var state = SwarmState()
        var node = Node(id: "n1")
        var description = NodeDescription()
        description.routedSubnets = routed
        node.description = description
        state.nodes["n1"] = node
        var cluster = ClusterObject(id: "c")
        if let label { cluster.spec.labels[PublishingLabel.all] = label }
        state.cluster = cluster
        return state
    }

    private func port(_ places: [String]?, mode: String = "ingress") -> PortConfig {
        var port = PortConfig()
        port.protocol = "tcp"
        port.targetPort = 80
        port.publishedPort = 8080
        port.publishMode = mode
        port.publishedOn = places
        return port
    }

    private func filled(
        _ port: PortConfig, _ state: SwarmState, labels: [String: String] = [:], former: [PortConfig] = [],
        isExact: Bool = false
    ) throws -> PortConfig {
        try PublishingRules(state: state, labels: labels, former: former, isExact: isExact).filled(port)
    }

    @Test func `what the client says holds, and what it cannot say is kept, labelled or usual`() throws {
        #expect(try filled(port(["192.0.2.0/24"]), state()).publishedOn == ["192.0.2.0/24"])
        #expect(try filled(port(nil), state()).publishedOn == nil)
        // An update by a client that knows nothing of it widens nothing; one that says so does, and so does going back.
        let former = [port(["127.0.0.1"])]
        #expect(try filled(port(nil), state(), former: former).publishedOn == ["127.0.0.1"])
        #expect(try filled(port([]), state(), former: former).publishedOn == nil)
        #expect(try filled(port(nil), state(), former: former, isExact: true).publishedOn == nil)
        // Another port, or another way, is another.
        #expect(try filled(port(nil, mode: "host"), state(), former: former).publishedOn == nil)
        // Labels of the service, the nearer first; then the swarm's, for what is new.
        let labels = ["apus.publish.8080/tcp": "ip=127.0.0.1", "apus.publish": "interface=eth9"]
        #expect(try filled(port(nil), state(), labels: labels).publishedOn == ["127.0.0.1"])
        #expect(try filled(port(nil), state(), labels: ["apus.publish": "interface=eth9"]).publishedOn == ["eth9"])
        let usual = state(label: "ip=10.1.0.0/16")
        #expect(try filled(port(nil), usual).publishedOn == ["10.1.0.0/16"])
        #expect(try filled(port(["eth0"]), usual).publishedOn == ["eth0"])
        #expect(try filled(port([]), usual).publishedOn == nil)
        #expect(try filled(port(nil), usual, former: [port(nil)]).publishedOn == nil)
    }

    @Test func `what cannot be honoured is refused`() throws {
        for text in ["203.0.113.7", "203.0.113.0/24"] {
            #expect(throws: ServiceError.foreignAddress(text)) { try filled(port([text]), state()) }
        }
        // Where a node has not told what it has, nobody knows.
        #expect(try filled(port(["203.0.113.7"]), state(routed: nil)).publishedOn == ["203.0.113.7"])
        #expect(throws: ServiceError.invalidPublishing("a b")) { try filled(port(["a b"]), state()) }
        #expect(throws: ServiceError.invalidPublishing("open")) {
            try filled(port(nil), state(), labels: ["apus.publish": "open"])
        }
        // What nodes have of IPv6 is not told; what leads nowhere is known all the same.
        for text in ["2001:db8::1", "2001:db8::/32", "fd00::1", "::"] {
            #expect(try filled(port([text]), state()).publishedOn == [text])
        }
        for text in ["::1", "fe80::1", "fe80::/10", "::ffff:c000:201", "ff02::1"] {
            #expect(throws: UnsupportedError.self, "\(text)") { try filled(port([text]), state()) }
        }
        #expect(throws: ServiceError.invalidPublishing("65")) {
            try filled(port(Array(repeating: "127.0.0.1", count: 65)), state())
        }
        var local = port(nil, mode: "host")
        local.onlyLocal = true
        #expect(throws: ServiceError.meshOnlyPublishing) { try filled(local, state()) }
        var sticky = port(nil)
        sticky.affinity = "cookie"
        #expect(throws: ServiceError.invalidPublishing("cookie")) { try filled(sticky, state()) }
    }

    @Test func `nodes are told, and one that does not know of it is told of no port`() throws {
        let key = NetworkFact.PortKey(.tcp, 8080)
        let reach = PortReach(
            addresses: [IPNetwork(address: IPAddress(10, 0, 0, 0), prefixLength: 8)], links: ["eth1"], isLocal: true,
            isBySource: true)
        let facts: [NetworkFact] = [
            .port(.init(key, targetPort: 80, serviceID: "s1", reach: reach)),
            .port(.init(.init(.udp, 53), targetPort: 53, serviceID: "s2")),
        ]
        let set = NetworkChangeSet(.swarm, sequence: 1, upserts: facts)
        let pieces = try set.encoded()
        var reader = AssignmentReader()
        for piece in pieces {
            guard case .network(let read) = try reader.read(.with { $0.networkChanges = piece }) else { continue }
            #expect(read.upserts == facts)
            let sent = try Wire.NetworkChanges(serializedBytes: piece).upserts
            #expect(sent.count == 2 && sent[0].port == Wire.NetworkPort() && sent[1].port.serviceID == "s2")
        }
        // What a manager that is not one might say.
        for links in [["a\" accept; #"], [""], Array(repeating: "eth0", count: 65)] {
            var message = Wire.NetworkChanges()
            message.sequence = 1
            message.upserts = [
                .with {
                    $0.chosenPort.port.key.transport = 6
                    $0.chosenPort.port.key.publishedPort = 80
                    $0.chosenPort.port.targetPort = 80
                    $0.chosenPort.port.serviceID = "s"
                    $0.chosenPort.links = links
                }
            ]
            let piece = try message.serializedData()
            var other = AssignmentReader()
            #expect(throws: NetworkChangesFailure.self) { try other.read(.with { $0.networkChanges = piece }) }
        }
    }
}
