import Foundation
import Model
import Synchronization
import Testing

@testable import DockerAPI

/// Lists of which only what has changed is encoded.
@Suite struct EncodedListTests {
    private static func node(_ id: String, _ labels: [String: String] = [:]) -> Node {
        var node = Node(id: id)
        node.spec.labels = labels
        return node
    }

    @Test func `what has changed is encoded, and the list is as if all were`() throws {
        let encoded = Mutex<[String]>([])
        let list = EncodedList<Node> { node in
            encoded.withLock { $0.append(node.id) }
            return node
        }
        func check(_ nodes: [Node], isWhole: Bool = true, encodes expected: [String]) throws {
            let bytes = try list.encode(nodes, isWhole: isWhole)
            #expect(bytes == (try WireJSON.encode(nodes)))
            let seen = encoded.withLock { encoded in
                defer { encoded = [] }
                return encoded
            }
            #expect(seen == expected)
        }
        try check([], encodes: [])
        let first = ["a", "b", "c"].map { Self.node($0) }
        try check(first, encodes: ["a", "b", "c"])
        try check(first, encodes: [])
        try check(first.reversed(), encodes: [])
        let second = [first[0], Self.node("b", ["c": "d"]), first[2], Self.node("d")]
        try check(second, encodes: ["b", "d"])
        // A part takes what is known, and nothing that is not in it is forgotten for it.
        try check([second[1]], isWhole: false, encodes: [])
        try check([Self.node("e")], isWhole: false, encodes: ["e"])
        try check(second, encodes: [])
        // What was gone is encoded once more.
        try check([second[0]], encodes: [])
        try check(second, encodes: ["b", "c", "d"])
    }
}
