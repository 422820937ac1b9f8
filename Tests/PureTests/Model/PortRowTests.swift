import Addressing
import Foundation
import Model
import Testing

/// A9: ports in a row are kept as one, and are single ports for whoever asks.
@Suite struct PortRowTests {
    private func port(_ published: Int?, _ target: Int, _ transport: String = "udp") -> PortConfig {
        var port = PortConfig()
        (port.protocol, port.targetPort, port.publishedPort, port.publishMode) = (
            transport, target, published, "ingress"
        )
        return port
    }

    @Test func `ten thousand ports of a service in any order are one, and come apart again`() throws {
        let ports = (10_000..<20_000).map { port($0, $0) }.shuffled()
        let joined = ports.joined
        #expect(joined.map(\.inRow) == [10_000])
        #expect(joined[0].publishedPorts == 10_000...19_999 && joined[0].targetPort == 10_000)
        #expect(Set(joined.single) == Set(ports) && joined.single.count == 10_000)
        #expect(joined.joined == joined && joined.total == 10_000)
        #expect(try WireJSON.encode(joined).count < 200)
    }

    @Test func `what is fewer, apart, of another kind or without a number is in no row`() {
        let few = (0..<15).map { port(8000 + $0, 80 + $0) }
        #expect(few.joined == few)
        let mixed = (0..<40).map { $0 % 2 == 0 ? port(8000 + $0, 80 + $0) : port(9000 + $0, 80 + $0, "tcp") }
        #expect(mixed.joined == mixed)
        let open = (0..<40).map { port(nil, 80 + $0) }
        #expect(open.joined == open)
        var named = (0..<40).map { port(8000 + $0, 80 + $0) }
        named[20].publishedOn = ["10.0.0.1"]
        let joined = named.joined
        #expect(joined.map(\.inRow) == [20, nil, 19] && joined.single == named)
        // One that is twice there stays twice, to be refused.
        let twice = ((0..<40).map { port(8000 + $0, 80 + $0) } + [port(8007, 87)]).joined
        #expect(twice.total == 41)
    }

    @Test func `a row covers the ports that it leads, and no other`() {
        var row = port(20_000, 10_000)
        row.inRow = 100
        #expect(row.covers(port(20_050, 10_050)) && row.covers(port(nil, 10_099)) && row.covers(port(0, 10_000)))
        #expect(
            !row.covers(port(20_050, 10_051)) && !row.covers(port(nil, 10_100))
                && !row.covers(port(20_000, 10_000, "tcp")))
        row.inRow = 60_000
        #expect(row.publishedPorts == nil && row.single.count == 1)
        row.inRow = .max
        #expect(row.publishedPorts == nil && row.single.count == 1 && [row, row].total == 131_072)
        // Numbers that are none, as a request may have them.
        for number in [Int.min, -1, 0, 65_536, .max] {
            #expect(!row.covers(port(number, 10_000)) || number == 0)
            #expect(!row.covers(port(20_000, number)))
            let ports = (0..<20).map { _ in port(number, 80) } + (0..<20).map { _ in port(80, number) }
            #expect(ports.joined == ports)
        }
        row.inRow = -1
        #expect(row.count == 1 && row.single.count == 1)
    }

    @Test func `ten thousand ports of a container are one name and one binding, and come apart again`() throws {
        var (host, configuration) = (HostConfiguration(), ContainerConfiguration())
        var (bindings, exposed): ([String: [PortBinding]?], [String: Empty]) = (["81/tcp": nil], ["81/tcp": Empty()])
        for number in 10_000..<20_000 {
            bindings["\(number)/udp"] = [
                PortBinding(hostIp: "", hostPort: "\(number + 20_000)"),
                PortBinding(hostIp: "127.0.0.1", hostPort: "\(number)"),
            ]
            exposed["\(number)/udp"] = Empty()
        }
        (host.portBindings, configuration.exposedPorts) = (bindings, exposed)
        host.joinPorts()
        configuration.joinPorts()
        #expect(
            host.portBindings == [
                "81/tcp": nil,
                "10000-19999/udp": [
                    PortBinding(hostIp: "", hostPort: "30000-39999"),
                    PortBinding(hostIp: "127.0.0.1", hostPort: "10000-19999"),
                ],
            ])
        #expect(configuration.exposedPorts.map { Set($0.keys) } == ["81/tcp", "10000-19999/udp"])
        #expect(host.singleBindings == bindings && configuration.singlePorts == exposed)
    }

    @Test func `bindings that are no row stay as they are`() {
        var host = HostConfiguration()
        var bindings: [String: [PortBinding]?] = [:]
        for number in 0..<15 {
            bindings["\(8000 + number)/tcp"] = [PortBinding(hostIp: "", hostPort: "\(8000 + number)")]
        }
        // Of the engine's choice, any of a range, at another address, and in another spelling.
        for number in 0..<20 { bindings["\(9000 + number)/tcp"] = [PortBinding(hostIp: "", hostPort: "")] }
        for number in 0..<20 { bindings["\(9100 + number)/tcp"] = [PortBinding(hostIp: "", hostPort: "7000-7100")] }
        for number in 0..<20 {
            bindings["\(9200 + number)/tcp"] = [
                PortBinding(hostIp: number % 2 == 0 ? "" : "10.0.0.1", hostPort: "\(9200 + number)")
            ]
        }
        for number in 0..<20 { bindings["\(9300 + number)"] = [PortBinding(hostIp: "", hostPort: "\(9300 + number)")] }
        host.portBindings = bindings
        host.joinPorts()
        #expect(host.portBindings == bindings && host.singleBindings == bindings)
    }

    @Test func `a row of a node's ports has as many as there are numbers`() {
        let row = PublishedPort(transport: .udp, hostPort: 65_530, containerPort: 10, count: 100)
        #expect(row.hostPorts == 65_530...65_535 && row.containerPorts == 10...15)
        #expect(row.single.map(\.hostPort) == Array(65_530...65_535) && row.single.last?.containerPort == 15)
        let six = PublishedPort(
            transport: .udp, hostAddress: .unspecified(.v6), hostPort: 10, containerPort: 65_530, count: 6)
        #expect(
            six.single.allSatisfy { $0.family == .v6 && $0.hostAddress == nil }
                && six.single.last?.containerPort == 65_535)
        #expect(PublishedPort(transport: .tcp, hostPort: 1, containerPort: 1, count: 0).lastHostPort == nil)
        #expect(PublishedPort(transport: .tcp, hostPort: 1, containerPort: 1, count: .min).hostPorts == 1...1)
    }

    @Test(arguments: [
        "80/tcp", "9-8/tcp", "0-5/tcp", "8-8/tcp", "1-2", "1-2/icmp", "1-2-3/udp", "1-70000/udp", "-2/udp",
    ])
    func `what is no row is none`(_ text: String) { #expect(PortRow(text) == nil) }

    @Test func `a service that an earlier version kept is read with rows`() throws {
        var service = Service(id: "s")
        service.spec.endpointSpec = EndpointSpec()
        service.spec.endpointSpec?.ports = (0..<100).map { port(8000 + $0, 8000 + $0) }
        service.endpoint.ports = service.spec.endpointSpec?.ports
        let text = try #require(String(data: try WireJSON.encode(service), encoding: .utf8))
        let kept = Data(#"{"Kind":"service","Value":\#(text),"Version":1}"#.utf8)
        var read = try WireJSON.decode(Record<Service>.self, from: kept).value
        #expect(read.endpoint.ports?.map(\.inRow) == [100] && read.spec.endpointSpec?.ports?.map(\.inRow) == [100])
        read.separatePorts()
        #expect(read == service)
    }
}
