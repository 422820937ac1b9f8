import Addressing
import Foundation
import GRPCCore
import Model
import Testing

@testable import Cluster

/// What managers take of nodes, as pure rules.
@Suite struct NodeReportsTests {
    private func refusal(_ body: () throws -> Void) -> RPCError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? RPCError)?.code
        }
    }

    private func description(_ fields: String) throws -> NodeDescription {
        try NodeReports.description(Data(#"{"Hostname":"n",\#(fields)}"#.utf8))
    }

    @Test func `resources of any shape cost nothing and are kept as far as they mean something`() throws {
        let deep = String(repeating: #"{"A":["#, count: 200) + String(repeating: "]}", count: 200)
        let begun = ContinuousClock.now
        let taken = try description(
            #""Resources":{"GenericResources":[\#(deep),{"NamedResourceSpec":{"Kind":"GPU","Value":"u1"}},7]}"#)
        #expect(ContinuousClock.now - begun < .seconds(5))
        let kept = taken.resources.genericResources ?? []
        #expect(kept.compactMap(\.namedResourceSpec?.value) == ["u1"])
        #expect(try WireJSON.encode(kept).count < 100)
    }

    @Test(arguments: [
        #""Hostname":"a b""#, #""Hostname":"\#(String(repeating: "h", count: 300))""#,
        #""Resources":{"NanoCPUs":-1}"#, #""RoutedSubnets":["10.0.0.0/8;drop"]"#, #""Resolvers":["10.0.0.2/8"]"#,
        #""AvoidedSubnets":["10.0.0.0/8;drop"]"#,
        #""Engine":{"EngineVersion":"\#(String(repeating: "v", count: 70_000))"}"#, #""Engine":{"Labels":{"a":1}}"#,
    ])
    func `a description that no node has is refused`(fields: String) {
        #expect(refusal { _ = try NodeReports.description(Data("{\(fields)}".utf8)) } == .invalidArgument)
    }

    @Test(arguments: [
        #""State":"new""#, #""State":"orphaned""#, #""State":"remove""#, #""State":"flying""#,
        #""State":"running","ContainerStatus":{"ContainerID":"../x"}"#,
        #""State":"failed","ContainerStatus":{"ContainerID":"c","ExitCode":99999999999}"#,
        #""State":"running","ContainerStatus":{"ContainerID":"c","Name":"a\nb"}"#,
        #""State":"running","PortStatus":{"Ports":[{"Protocol":"icmp","TargetPort":80}]}"#,
        #""State":"running","PortStatus":{"Ports":[{"TargetPort":80000}]}"#,
    ])
    func `a status that no task has is refused`(fields: String) {
        #expect(refusal { _ = try NodeReports.status(Data("{\(fields)}".utf8)) } == .invalidArgument)
    }

    @Test func `long texts are cut between characters`() throws {
        let text = String(repeating: "é", count: 5000)
        let status = try NodeReports.status(Data(#"{"State":"failed","Err":"\#(text)"}"#.utf8))
        #expect(status.err == String(repeating: "é", count: 2048))
        #expect(NodeReports.cut("aé", 2) == "a")
    }

    @Test func `a state is reached neither after now nor before the last`() throws {
        let now = Timestamp(seconds: 1_000_000)
        let former = TaskStatus(.starting, "", at: Timestamp(seconds: 999_000))
        func settled(_ seconds: Int64) -> Int64 {
            let status = TaskStatus(.running, "", at: Timestamp(seconds: seconds))
            return NodeReports.settled(status, after: former, at: now).timestamp.seconds
        }
        #expect(settled(253_402_300_799) == 1_000_000)
        #expect(settled(5) == 999_000)
        #expect(settled(999_500) == 999_500)
        var same = former
        same.timestamp = now
        #expect(!NodeReports.isNews(same, after: former))
        #expect(!NodeReports.isNews(TaskStatus(.ready, "", at: now), after: former))
    }

    @Test func `a node names its own address, that on record, or, when it joins, nobody else's`() throws {
        var node = Node(id: "n1")
        var membership = Node.Membership()
        membership.dataPathAddress = IPAddress(10, 0, 0, 5)
        membership.advertiseAddress = TransportAddress(IPAddress(192, 0, 2, 5), port: 2377)
        node.membership = membership
        node.status.state = .ready
        let place = NodeAddress("n1", source: IPAddress(198, 51, 100, 7))
        #expect(refusal { try place.check(IPAddress(198, 51, 100, 7), of: node) } == nil)
        #expect(refusal { try place.check(IPAddress(10, 0, 0, 5), of: node) } == nil)
        #expect(refusal { try place.check(IPAddress(192, 0, 2, 5), of: node) } == nil)
        #expect(refusal { try place.check(IPAddress(8, 8, 8, 8), of: node) } == .permissionDenied)
        // Behind a translator.
        #expect(refusal { try place.check(joining: IPAddress(10, 0, 0, 9), beside: [node]) } == nil)
        #expect(refusal { try place.check(joining: IPAddress(10, 0, 0, 5), beside: [node]) } == .permissionDenied)
        node.status.state = .down
        #expect(refusal { try place.check(joining: IPAddress(10, 0, 0, 5), beside: [node]) } == nil)
        for text in [
            "0.0.0.0;drop", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "ff02::1", "fe80::1",
            "::ffff:10.0.0.5", "", "a.b",
        ] {
            #expect(refusal { _ = try place.parse(text) } == .invalidArgument, "\(text)")
        }
        for text in ["2001:db8::5", "[2001:db8::5]", "[2001:db8::5]:2377"] {
            #expect(try place.parse(withPort: text).description == "[2001:db8::5]:2377")
        }
        let peers = [
            ("ipv4:10.0.0.5:41000", "10.0.0.5"), ("ipv6:[2001:db8::5]:41000", "2001:db8::5"),
            ("ipv6:[::ffff:10.0.0.5]:41000", "10.0.0.5"), ("unix:/run/x", nil), ("<unknown>", nil),
        ]
        for (peer, address) in peers { #expect(NodeAddress.source(ofPeer: peer)?.description == address, "\(peer)") }
        for text in ["10.0.0.5", "10.0.0.5:2377"] {
            #expect(try place.parse(withPort: text).description == "10.0.0.5:2377")
        }
        for text in ["10.0.0.5:0", "10.0.0.5:99999", "10.0.0.5:1:2", "host:2377", ":2377"] {
            #expect(refusal { _ = try place.parse(withPort: text) } == .invalidArgument, "\(text)")
        }
    }

    @Test func `one unauthenticated peer takes its own share of the calls, and not the others'`() throws {
        let start = ContinuousClock.now
        let admission = CallAdmission(at: start)
        let unauthenticated = IPAddress(203, 0, 113, 66)
        let taken = (0..<10_000).count { _ in admission.admits(unauthenticated, at: start) }
        #expect(taken == Int(CallAdmission.burst))
        #expect(admission.admits(IPAddress(203, 0, 113, 7), at: start))
        #expect(admission.admits(unauthenticated, at: start + .seconds(1)))
        // However many addresses it has, what is remembered is bounded.
        for number in 0..<20_000 { _ = admission.admits(.v4(IPv4Address(number: UInt32(number))), at: start) }
        #expect(admission.admits(IPAddress(203, 0, 113, 8), at: start + .seconds(60)))
    }
}
