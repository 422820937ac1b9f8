import Addressing
import Foundation
import Model
import Testing

@testable import Engine

/// Objects with addresses in them as they are stored and sent: what was written before addresses were values is read, and
/// written again as it was, byte for byte.
@Suite struct AddressJSONTests {
    private func rewritten<Value: Codable>(_ type: Value.Type, _ text: String) throws -> String {
        String(decoding: try WireJSON.encode(WireJSON.decode(type, from: Data(text.utf8))), as: UTF8.self)
    }

    /// As a node's own store has it.
    private func rewrittenLocally<Value: Codable>(_ type: Value.Type, _ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let value = try JSONDecoder().decode(type, from: Data(text.utf8))
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    @Test func `a task's addresses`() throws {
        let attachment = """
            {"Addresses":["10.1.0.5/24"],"Aliases":["www"],"Network":\(network)}
            """
        #expect(try rewritten(NetworkAttachment.self, attachment) == attachment)
        let bare = #"{"Addresses":[],"Network":\#(network)}"#
        #expect(try rewritten(NetworkAttachment.self, bare) == bare)
        let assignment = """
            {"Attempt":0,"IsUpdate":false,"Ports":[{"Name":"http","Protocol":"tcp","PublishMode":"ingress","PublishedPort":30000,\
            "TargetPort":80},{"TargetPort":53}],"ServiceLabels":{},"ServiceName":"web",\
            "VirtualIPs":[{"Addr":"10.255.0.3/16","NetworkID":"ing"},{"NetworkID":"app"}]}
            """
        #expect(try rewritten(SwarmTask.Assignment.self, assignment) == assignment)
    }

    @Test func `a network's pools`() throws { #expect(try rewritten(SwarmNetwork.self, network) == network) }

    @Test func `a service's endpoint`() throws {
        let endpoint = """
            {"Ports":[{"Protocol":"udp","PublishMode":"host","PublishedPort":53,"TargetPort":5353}],\
            "Spec":{"Mode":"vip","Ports":[{"Protocol":"sctp","TargetPort":1}]},\
            "VirtualIPs":[{"Addr":"10.1.0.2/24","NetworkID":"app"}]}
            """
        #expect(try rewritten(ServiceEndpoint.self, endpoint) == endpoint)
        #expect(try rewritten(ServiceEndpoint.self, "{}") == "{}")
    }

    @Test func `a node's membership`() throws {
        let full = #"{"Certificate":"PEM","DataPathAddress":"192.0.2.11","IngressAddress":"10.255.0.2"}"#
        #expect(try rewritten(Node.Membership.self, full) == full)
        let empty = #"{"Certificate":"","DataPathAddress":""}"#
        #expect(try rewritten(Node.Membership.self, empty) == empty)
        #expect(try rewritten(Node.Membership.self, "{}") == empty)
        for address in ["192.0.2.11:2377", "[2001:db8::11]:2377"] {
            let manager = #"{"AdvertiseAddress":"\#(address)","Certificate":"PEM","DataPathAddress":"192.0.2.11"}"#
            #expect(try rewritten(Node.Membership.self, manager) == manager)
        }
        // A node is read whatever is on record for where it is reached as a manager; one that named no place has an empty text there.
        for address in ["\"\"", "\"eth0:2377\"", "\"192.0.2.11\"", "\"192.0.2.11:0\"", "7", "null"] {
            let node = #"{"AdvertiseAddress":\#(address),"Certificate":"","DataPathAddress":"192.0.2.11"}"#
            let read = try WireJSON.decode(Node.Membership.self, from: Data(node.utf8))
            #expect(read.advertiseAddress == nil && read.dataPathAddress == IPAddress(192, 0, 2, 11), "\(address)")
        }
    }

    @Test func `where a node and a manager are reached`() throws {
        for address in ["192.0.2.11", "2001:db8::11", ""] {
            let status = #"{"Addr":"\#(address)","State":"ready"}"#
            #expect(try rewritten(NodeStatus.self, status) == status)
            #expect(try WireJSON.decode(NodeStatus.self, from: Data(status.utf8)).addr == IPAddress(address))
        }
        for address in ["192.0.2.11:2377", "[2001:db8::11]:2377", ""] {
            let status = #"{"Addr":"\#(address)","Reachability":"unknown"}"#
            #expect(try rewritten(ManagerStatus.self, status) == status)
            #expect(try WireJSON.decode(ManagerStatus.self, from: Data(status.utf8)).addr == TransportAddress(address))
        }
        // Whatever else somebody has kept there counts as not known, and the node is read.
        let odd =
            #"{"ID":"n","ManagerStatus":{"Addr":"eth0","Reachability":"unknown"},"Membership":{"DataPathAddress":"x"},"Status":{"Addr":"eth0"}}"#
        let node = try WireJSON.decode(Node.self, from: Data(odd.utf8))
        #expect(
            node.id == "n" && node.status.addr == nil && node.managerStatus != nil && node.managerStatus?.addr == nil)
        #expect(node.membership != nil && node.membership?.dataPathAddress == nil)
    }

    @Test func `what a node says is in use where it is`() throws {
        let resolvers = #""Resolvers":["10.0.0.53","fd00::53"]"#
        let subnets = #""RoutedSubnets":["10.1.0.7/24","fd00:1::/64","0.0.0.0/1"]"#
        let read = try WireJSON.decode(NodeDescription.self, from: Data("{\(resolvers),\(subnets)}".utf8))
        #expect(read.resolvers?.map(\.family) == [.v4, .v6])
        #expect(read.routedSubnets?.map(\.prefixLength) == [24, 64, 1])
        let text = String(decoding: try WireJSON.encode(read), as: UTF8.self)
        #expect(text.contains(resolvers) && text.contains(subnets))
        // That there are none is another thing than that a node has not told.
        let none = try rewritten(NodeDescription.self, #"{"Resolvers":[],"RoutedSubnets":[]}"#)
        #expect(none.contains(#""Resolvers":[]"#) && none.contains(#""RoutedSubnets":[]"#))
        for silent in ["{}", #"{"Resolvers":null,"RoutedSubnets":null}"#] {
            let text = try rewritten(NodeDescription.self, silent)
            #expect(!text.contains("Resolvers") && !text.contains("RoutedSubnets"))
        }
    }

    @Test func `what cannot be read of that is left out, and known to who may refuse it`() throws {
        let text = #"{"Hostname":"n","Resolvers":["ns1","10.0.0.53"],"RoutedSubnets":["10.1.0.0/33","10.2.0.0/16",""]}"#
        let read = try WireJSON.decode(NodeDescription.self, from: Data(text.utf8))
        #expect(read.hostname == "n" && read.resolvers == [IPAddress(10, 0, 0, 53)])
        #expect(read.routedSubnets?.map(\.description) == ["10.2.0.0/16"])
        #expect(read.$resolvers.unread == ["ns1"] && read.$routedSubnets.unread == ["10.1.0.0/33", ""])
        let written = String(decoding: try WireJSON.encode(read), as: UTF8.self)
        #expect(written.contains(#""Resolvers":["10.0.0.53"]"#))
        #expect(written.contains(#""RoutedSubnets":["10.2.0.0/16"]"#))
    }

    @Test func `an attachment that asks for an address`() throws {
        let spec = #"{"Address":"10.1.0.9","Aliases":[],"ContainerID":"c","ContainerName":"n"}"#
        #expect(try rewritten(NetworkAttachmentSpec.self, spec) == spec)
        let asked: [(String, RequestedAddresses)] = [
            ("10.1.0.9", .hosts(HostAddresses(IPAddress(10, 1, 0, 9)))),
            ("fd00::9", .hosts(HostAddresses(v6: IPv6Address("fd00::9")))),
            ("10.1.0.9,fd00::9", .hosts(HostAddresses(v4: IPv4Address(10, 1, 0, 9), v6: IPv6Address("fd00::9")))),
            ("", .hosts(HostAddresses())),
            // Whatever else somebody has kept or sent is the same when it is written again.
            ("10.1.0.9,10.1.0.10", .unread("10.1.0.9,10.1.0.10")), ("10.1.0.9,x", .unread("10.1.0.9,x")),
            ("any", .unread("any")),
        ]
        for (text, value) in asked {
            let spec = #"{"Address":"\#(text)","Aliases":[],"ContainerID":"c","ContainerName":"n"}"#
            #expect(try rewritten(NetworkAttachmentSpec.self, spec) == spec)
            #expect(try WireJSON.decode(NetworkAttachmentSpec.self, from: Data(spec.utf8)).address == value)
        }
        let bare = #"{"Aliases":[],"ContainerID":"c","ContainerName":"n"}"#
        #expect(try rewritten(NetworkAttachmentSpec.self, bare) == bare)
    }

    @Test func `what a node is told of the networks`() throws {
        let state = """
            {"ControlPorts":[2377,2380],"DataPathPort":4789,"Managers":["198.51.100.10"],"Networks":[{"Endpoints":[\
            {"Address":"10.1.0.7","ContainerID":"c2","Names":["web.2.t2"],"NodeID":"n2","TaskID":"t2","Vtep":"203.0.113.12"}],\
            "Network":\(network),"Services":[{"Aliases":["www"],"Backends":["10.1.0.5","10.1.0.7"],"Name":"web","ServiceID":"s1",\
            "Tasks":["10.1.0.5","10.1.0.7"],"VirtualIP":"10.1.0.2"},{"Aliases":[],"Backends":[],"Name":"rr","ServiceID":"s2",\
            "Tasks":[]}]}],"Peers":[{"Address":"203.0.113.11","Hostname":"node-1","IngressAddress":"10.255.0.2/16","NodeID":"n1"},\
            {"Address":"203.0.113.12","Hostname":"node-2","NodeID":"n2"}],"Ports":[{"Backends":["10.255.0.9"],"PublishedPort":8080,\
            "ServiceID":"s1","TargetPort":80,"Transport":"tcp"}],"Subnets":["10.1.0.0/24","10.255.0.0/16"],"Version":7}
            """
        #expect(try rewritten(SwarmNetworkState.self, state) == state)
    }

    @Test func `a container's places in networks and its ports`() throws {
        let bridge = """
            {"address":"172.17.0.2/16","endpointID":"e1","gateway":"172.17.0.1","interfaceName":"eth0","networkID":"n",\
            "networkName":"bridge"}
            """
        #expect(try rewrittenLocally(EndpointRecord.self, bridge) == bridge)
        let overlay = """
            {"address":"10.1.0.5/24","attachmentID":"a","endpointID":"","interfaceName":"","networkID":"n","networkName":"app",\
            "overlay":{"isIngress":false,"isInternal":true,"vni":4097}}
            """
        #expect(try rewrittenLocally(EndpointRecord.self, overlay) == overlay)
        let port = #"{"containerPort":80,"hostAddress":"127.0.0.1","hostPort":8080,"transport":"tcp"}"#
        #expect(try rewrittenLocally(PublishedPort.self, port) == port)
        let everywhere = #"{"containerPort":53,"hostPort":53,"transport":"udp"}"#
        #expect(try rewrittenLocally(PublishedPort.self, everywhere) == everywhere)
    }

    @Test func `a network of the node`() throws {
        let local = """
            {"created":"2026-11-23T06:21:52.586485768Z","driver":"bridge","gateway":"172.18.0.1","hasChosenSubnet":true,"id":"gw",\
            "ipam":{"config":[{"gateway":"172.18.0.1","subnet":"172.18.0.0/16"}],"driver":"default","options":null},\
            "isAttachable":false,"isInternal":false,"labels":{},"name":"docker_gwbridge","options":{},\
            "ranges":[{"range":"172.18.1.0/24","reserved":["172.18.0.1"],"subnet":"172.18.0.0/16"}]}
            """
        #expect(try rewrittenLocally(LocalNetwork.self, local) == local)
    }

    @Test func `what was given otherwise than it follows from the addresses is written beside them`() throws {
        var attachment = NetworkAttachment(
            network: SwarmNetwork(id: "n"),
            addresses: try ["10.1.0.5/24", "fd00::5/64"].map { try #require(IPNetwork($0)) })
        #expect(attachment.tag.number == 0x0a01_0005)
        attachment.assignedTag = EndpointTag(number: 7)
        let read = try WireJSON.decode(NetworkAttachment.self, from: try WireJSON.encode(attachment))
        #expect(read == attachment && read.tag.number == 7)
        #expect(read.endpointAddresses.v6?.description == "fd00::5/64")

        let peer = """
            {"Address":"2001:db8::11","AssignedIngressTag":9,"Hostname":"n","IngressAddress":["10.255.0.2/16","fd00::2/64"],"NodeID":"n1"}
            """
        #expect(try rewritten(SwarmNetworkState.Peer.self, peer) == peer)
        #expect(try WireJSON.decode(SwarmNetworkState.Peer.self, from: Data(peer.utf8)).ingressTag.number == 9)
        let bridge = """
            {"address":["172.17.0.2/16","fd00::2/64"],"endpointID":"e1","gateway":"172.17.0.1","interfaceName":"eth0",\
            "mac":"02:00:00:00:00:09","networkID":"n","networkName":"bridge"}
            """
        #expect(try rewrittenLocally(EndpointRecord.self, bridge) == bridge)
    }

    @Test func `an endpoint on record without a MAC has the one of before there was one`() throws {
        func endpoint(_ more: String) throws -> EndpointRecord {
            let text =
                #"{"address":"172.17.0.2/16","endpointID":"e","interfaceName":"eth0","networkID":"n","networkName":"b"\#(more)}"#
            return try JSONDecoder().decode(EndpointRecord.self, from: Data(text.utf8))
        }
        #expect(try endpoint("").hardwareAddress?.description == "02:42:ac:11:00:02")
        #expect(try endpoint(#","mac":"02:00:00:00:00:09""#).hardwareAddress?.description == "02:00:00:00:00:09")
    }

    private let network = """
        {"CreatedAt":"2026-11-23T06:21:52.586485768Z","DriverState":{"Name":"overlay","Options":\
        {"com.docker.network.driver.overlay.vxlanid_list":"4097"}},"ID":"app","IPAMOptions":{"Configs":[{"AuxiliaryAddresses":\
        {"printer":"10.1.0.77"},"Gateway":"10.1.0.1","Range":"10.1.0.128/25","Subnet":"10.1.0.0/24"}],"Driver":{"Name":"default"}},\
        "Spec":{"Labels":{},"Name":"app","Scope":"swarm"},"UpdatedAt":"2026-11-23T06:21:52.586485768Z","Version":{"Index":3}}
        """
}
