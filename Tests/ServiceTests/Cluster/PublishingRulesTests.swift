import Addressing
import EngineInterface
import Faults
import Model
import NodeProtocol
import Orchestration
import Testing

@testable import Cluster

/// Where a service's ports are published.
@Suite struct PublishingRulesTests {
    private func state(routed: [String]? = ["192.0.2.0/24", "10.1.0.0/16"], label: String? = nil) -> SwarmState {
        var state = SwarmState()
        var node = Node(id: "n1")
        var description = NodeDescription()
        description.routedSubnets = routed?.compactMap { IPNetwork($0) }
        node.description = description
        state.nodes["n1"] = node
        var cluster = ClusterObject(id: "c")
        if let label { cluster.spec.labels[PublishingLabel.all] = label }
        state.cluster = cluster
        state.networks["ing"] = NetworkAllocator(state: state).ingress(id: "ing", at: .zero)
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
        try #require(
            try PublishingRules(state: state, labels: labels, former: former, isExact: isExact).filled([port]).first)
    }

    private func ports(_ numbers: Range<Int>) -> [PortConfig] {
        numbers.map { number in
            var port = port(nil)
            (port.targetPort, port.publishedPort) = (number, number)
            return port
        }
    }

    @Test func `A9: ports in a row are one from the request on, as far as nothing is said of one of them`() throws {
        func rows(
            _ ports: [PortConfig], labels: [String: String] = [:], former: [PortConfig] = []
        ) throws -> [String] {
            try PublishingRules(state: state(), labels: labels, former: former, isExact: false).filled(ports).map {
                "\($0.publishedPort ?? 0)+\($0.count) \($0.publishedOn?.joined() ?? "*")"
            }
        }
        let all = ports(10_000..<20_000)
        #expect(try rows(all) == ["10000+10000 *"])
        #expect(
            try rows(all, labels: ["apus.publish.12000/tcp": "ip=127.0.0.1"]) == [
                "10000+2000 *", "12000+1 127.0.0.1", "12001+7999 *",
            ])
        // What is kept from before is kept for the ports that had it.
        var former = try #require(ports(10_000..<15_000).joined.first)
        former.publishedOn = ["127.0.0.1"]
        #expect(try rows(all, former: [former]) == ["10000+5000 127.0.0.1", "15000+5000 *"])
        #expect(throws: ServiceError.foreignAddress("203.0.113.7")) {
            try rows(all, labels: ["apus.publish": "ip=203.0.113.7"])
        }
    }

    @Test func `ports of a row are taken for others, each of them`() throws {
        var spec = ServiceSpec()
        spec.name = "other"
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "x"
        spec.endpointSpec = EndpointSpec()
        var swarm = state()
        var service = Service(id: "s1")
        service.spec.name = "media"
        service.spec.endpointSpec = EndpointSpec()
        service.spec.endpointSpec?.ports = ports(10_000..<20_000).joined
        swarm.services["s1"] = service
        func refusal(_ ports: [PortConfig]) -> ServiceError? {
            spec.endpointSpec?.ports = ports
            do { _ = try ServiceRules(swarm).checked(spec, replacing: nil) } catch { return error as? ServiceError }
            return nil
        }
        func taken(_ port: Int) -> ServiceError {
            .portTaken(port: port, name: "media", id: "s1", publishing: .ingress)
        }
        #expect(refusal(ports(15_000..<15_001)) == taken(15_000))
        #expect(refusal(ports(9000..<10_100)) == taken(10_000))
        #expect(refusal(ports(19_990..<21_000)) == taken(19_990))
        #expect(refusal(ports(9000..<10_000)) == nil && refusal(ports(20_000..<20_001)) == nil)
        // One that is there by itself is in the way of a row.
        service.spec.endpointSpec?.ports = ports(15_000..<15_001)
        swarm.services["s1"] = service
        #expect(refusal(ports(10_000..<20_000)) == taken(15_000))
        swarm.services["s1"] = nil
        #expect(refusal(ports(10_000..<20_000) + ports(12_000..<12_001)) == .duplicatePort)
        // Nor can a task's node have a number in both modes.
        #expect(refusal(ports(10_000..<20_000) + [port(nil, mode: "host")]) == nil)
        #expect(refusal([port(nil), port(nil, mode: "host")]) == .duplicatePort)
        #expect(refusal([port(nil, mode: "host"), port(nil, mode: "host")]) == .duplicatePort)
        var endless = ports(10_000..<10_001)
        endless[0].inRow = 60_000
        #expect(refusal(endless) == .invalidPort)
        endless[0].inRow = 1000
        #expect(refusal(Array(repeating: endless[0], count: 1000)) == .invalidPort)
        #expect(refusal(endless) == nil)
    }

    @Test func `D2: what the client says holds, and what it cannot say is kept, labelled or usual`() throws {
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

    @Test func `D2: of the swarm's label every option counts, for ports that have it`() throws {
        let usual = state(label: "ip=10.1.0.0/16,local,affinity=source")
        let onMesh = try filled(port(nil), usual)
        #expect(onMesh.publishedOn == ["10.1.0.0/16"] && onMesh.onlyLocal == true && onMesh.affinity == "source")
        // A node's own port has places alone.
        let onNode = try filled(port(nil, mode: "host"), usual)
        #expect(onNode.publishedOn == ["10.1.0.0/16"] && onNode.onlyLocal == nil && onNode.affinity == nil)
        // Who says something says all.
        let said = try filled(port(nil), usual, labels: ["apus.publish": "interface=eth9"])
        #expect(said.publishedOn == ["eth9"] && said.onlyLocal == nil && said.affinity == nil)
        let options = try filled(port(nil), state(label: "local"))
        #expect(options.publishedOn == nil && options.onlyLocal == true)
        let nothing = try filled(port(nil), state(label: ""))
        #expect(!nothing.saysMore)
    }

    @Test func `D2: a swarm's label that no service could be published by is refused, with its value`() throws {
        func check(_ text: String, replacing present: String? = nil, in state: SwarmState = SwarmState()) throws {
            var (spec, former) = (ClusterSpec(), ClusterSpec())
            spec.labels[PublishingLabel.all] = text
            if let present { former.labels[PublishingLabel.all] = present }
            try Manager.check(spec, replacing: former, in: state)
        }
        for text in ["", "local", "ip=10.1.0.0/16,interface=eth1,local,affinity=source", "ip=2001:db8::/32"] {
            try check(text)
            try check(text, in: state())
        }
        let many = Array(repeating: "ip=127.0.0.1", count: 65).joined(separator: ",")
        for text in ["open", "ip=10.1.0.0/33", "interface=", "ip=10.1.0.1;local", "affinity=cookie", many] {
            #expect(throws: SwarmSpecError.invalidPublishing(text)) { try check(text) }
        }
        #expect(throws: ServiceError.proxyProtocol(label: "apus.publish")) { try check("local,proxy=v2") }
        #expect(throws: UnsupportedError.self) { try check("ip=::1") }
        // Which addresses there are is not known before there is a swarm.
        try check("ip=203.0.113.7")
        #expect(throws: ServiceError.foreignAddress("203.0.113.7")) { try check("ip=203.0.113.7", in: state()) }
        // What is there already keeps nobody from changing something else.
        try check("open", replacing: "open")
        try check("ip=203.0.113.7", replacing: "ip=203.0.113.7", in: state())
    }

    @Test func `ports of SCTP are taken where a node's kernel has it, and refused by name where none has`() throws {
        var spec = ServiceSpec()
        spec.name = "signals"
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "x"
        spec.endpointSpec = EndpointSpec()
        var own = port(nil)
        own.protocol = "sctp"
        spec.endpointSpec?.ports = [own]
        var swarm = state()
        for answer in [nil, false] {
            swarm.nodes["n1"]?.description?.hasSCTP = answer
            #expect(throws: UnsupportedError.self) { try ServiceRules(swarm).checked(spec, replacing: nil) }
        }
        swarm.nodes["n1"]?.description?.hasSCTP = true
        #expect(try ServiceRules(swarm).checked(spec, replacing: nil).ports.map(\.transport) == [.sctp])
    }

    @Test func `D2: what cannot be honoured is refused`() throws {
        for text in ["203.0.113.7", "203.0.113.0/24"] {
            #expect(throws: ServiceError.foreignAddress(text)) { try filled(port([text]), state()) }
        }
        // Where a node has not told what it has, nobody knows.
        #expect(try filled(port(["203.0.113.7"]), state(routed: nil)).publishedOn == ["203.0.113.7"])
        #expect(throws: ServiceError.invalidPublishing("a b")) { try filled(port(["a b"]), state()) }
        #expect(throws: ServiceError.invalidPublishing("open")) {
            try filled(port(nil), state(), labels: ["apus.publish": "open"])
        }
        for text in ["proxy=v2", "local,proxy", "ip=192.0.2.1, proxy-protocol=v2"] {
            for name in ["apus.publish", "apus.publish.8080/tcp"] {
                #expect(throws: ServiceError.proxyProtocol(label: name)) {
                    try filled(port(nil), state(), labels: [name: text])
                }
            }
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
            .port(.init(.init(.udp, 10_000), targetPort: 20_000, serviceID: "s3", last: 19_999)),
            .port(.init(.init(.tcp, 10_000), targetPort: 10_000, serviceID: "s3", reach: reach, last: 10_015)),
        ]
        let set = NetworkChangeSet(.swarm, sequence: 1, upserts: facts)
        let pieces = try set.encoded()
        var reader = AssignmentReader()
        for piece in pieces {
            guard case .network(let read) = try reader.read(.with { $0.networkChanges = piece }) else { continue }
            #expect(read.upserts == facts)
            let sent = try Wire.NetworkChanges(serializedBytes: piece).upserts
            #expect(sent.count == 4 && sent[0].port == Wire.NetworkPort() && sent[1].port.serviceID == "s2")
        }
        for (target, last): (UInt32, UInt32) in [(80, 80), (80, 79), (65_000, 1080), (80, 65_536)] {
            var message = Wire.NetworkChanges()
            message.sequence = 1
            message.upserts = [
                .with {
                    $0.chosenPort.port.key.transport = 6
                    $0.chosenPort.port.key.publishedPort = 80
                    $0.chosenPort.port.targetPort = target
                    $0.chosenPort.port.serviceID = "s"
                    $0.chosenPort.lastPort = last
                }
            ]
            let piece = try message.serializedData()
            var other = AssignmentReader()
            #expect(throws: NetworkChangesFailure.self) { try other.read(.with { $0.networkChanges = piece }) }
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
