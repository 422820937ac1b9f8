import Addressing
import TestKit
import Testing

@testable import Netlink

/// What a notification is about.
@Suite struct NetlinkNewsTests {
    private let context = EncodingContext(indexes: ["p0": 7])
    private let mac = MACAddress(for: IPAddress(10, 1, 0, 2))

    /// As the kernel tells of what a request has done: with the same parts.
    private func told(_ request: any NetlinkRequest) throws -> [NetlinkNews]? {
        let message = try #require(try NetlinkMessage.decode(request.message(sequence: 1, context)).first)
        return try NetlinkNews.told(by: message, isNetfilter: false)
    }

    @Test func `rows and addresses that come and go are told as what they are`() throws {
        let entry = ForwardingEntry(link: .index(7), mac: mac, owner: .device, remote: IPAddress(192, 0, 2, 1))
        #expect(try told(SetForwardingEntry(entry)) == [.forwarding(entry)])
        #expect(try told(DeleteForwardingEntry(entry)) == [.forwardingGone(entry)])
        let row = Neighbour(link: .index(7), address: IPAddress(10, 1, 0, 2), mac: mac)
        #expect(try told(SetNeighbour(row)) == [.neighbour(row)])
        guard case .neighbourGone(let gone)? = try told(DeleteNeighbour(row))?.first else {
            Issue.record("no neighbour")
            return
        }
        #expect(gone.link == row.link && gone.address == row.address)
        let address = LinkAddress(
            link: .index(7), network: IPNetwork(address: IPAddress(10, 1, 0, 2), prefixLength: 24))
        #expect(try told(AddAddress(address)) == [.address(address)])
        #expect(try told(DeleteAddress(address)) == [.addressGone(address)])
    }

    @Test func `what a bridge tells once more for a VLAN is no news`() throws {
        var memory = LinkMemory()
        func isNews(vlan: UInt16?) throws -> Bool {
            var writer = MessageWriter(type: MessageType.newNeighbour, flags: 0)
            // `struct ndmsg`.
            writer.put(AddressFamily.bridge.rawValue)
            writer.put(zeros: 3)
            writer.put(7 as UInt32)
            writer.put(NeighbourState.noARP.rawValue)
            writer.put(NeighbourAttribute.flagMaster)
            writer.put(zeros: 1)
            writer.bytes(NeighbourAttribute.linkAddress, mac.octets)
            if let vlan { writer.number(NeighbourAttribute.vlan, vlan) }
            let message = try #require(try NetlinkMessage.decode(writer.finished(sequence: 0)).first)
            return try memory.isNews(message, in: nil)
        }
        #expect(try isNews(vlan: nil))
        #expect(try !isNews(vlan: 1))
    }

    @Test func `a route that takes the place of another says so`() throws {
        let route = Route(
            destination: IPNetwork(address: IPAddress(10, 9, 0, 0), prefixLength: 16), link: .index(7), table: 77)
        #expect(try told(AddRoute(route, replacing: true)) == [.route(route, replaces: true)])
        #expect(try told(AddRoute(route, replacing: false)) == [.route(route, replaces: false)])
        #expect(try told(DeleteRoute(route)) == [.routeGone(route)])
    }

    @Test func `of a link that is there the number counts, of one that is gone the name`() throws {
        func message(_ type: UInt16, _ family: AddressFamily) throws -> NetlinkMessage {
            var writer = MessageWriter(type: type, flags: 0)
            LinkHeader(family: family, index: 7).encode(into: &writer)
            writer.string(LinkAttribute.name, "p0")
            return try #require(try NetlinkMessage.decode(writer.finished(sequence: 0)).first)
        }
        func told(_ type: UInt16, _ family: AddressFamily) throws -> [NetlinkNews]? {
            try NetlinkNews.told(by: message(type, family), isNetfilter: false)
        }
        #expect(try told(MessageType.newLink, .unspecified) == [.link(7)])
        #expect(try told(MessageType.newLink, .bridge) == [.link(7)])
        #expect(try told(MessageType.deleteLink, .unspecified) == [.linkGone("p0")])
        // It is a bridge's port no more.
        #expect(try told(MessageType.deleteLink, .bridge) == [.link(7)])
    }

    @Test func `what is not told one by one says so`() throws {
        func parameters(_ index: Int32?) throws -> [NetlinkNews]? {
            var writer = MessageWriter(type: MessageType.newParameters, flags: 0)
            writer.put(AddressFamily.ipv4.rawValue)
            writer.put(zeros: 3)
            if let index { writer.number(ParameterAttribute.link, index) }
            let message = try #require(try NetlinkMessage.decode(writer.finished(sequence: 0)).first)
            return try NetlinkNews.told(by: message, isNetfilter: false)
        }
        #expect(try parameters(7) == [.parameters(ofLink: 7)])
        // Of all links, and of new ones.
        for index: Int32? in [-1, -2, nil] { #expect(try parameters(index) == nil) }
        #expect(try told(AddRule(Rule(priority: 77, table: 77))) == nil)
    }

    @Test func `damaged messages are refused, whatever they claim to be`() {
        for type in UInt16(16)...UInt16(90) {
            for count in 0..<12 {
                let message = NetlinkMessage(
                    type: type, flags: 0, sequence: 0, port: 0, payload: ArraySlice(repeating: 7, count: count))
                // Refused or of no concern: nothing else happens.
                _ = try? NetlinkNews.told(by: message, isNetfilter: false)
            }
        }
    }
}
