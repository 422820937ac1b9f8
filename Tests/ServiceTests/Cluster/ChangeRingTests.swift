import Addressing
import Foundation
import Model
import NodeProtocol
import TestKit
import Testing

@testable import Cluster

/// What has changed, for nodes that have come differently far.
@Suite struct ChangeRingTests {
    private func fact(_ number: Int) -> NetworkFact {
        .backend(network: "net", service: "s", IPAddress(10, 0, UInt8(number / 250), UInt8(number % 250)))
    }

    /// Applies messages as a node does.
    private func read(_ pieces: [Data], _ facts: inout NetworkFacts) throws -> UInt64 {
        var reader = AssignmentReader()
        var sequence: UInt64 = 0
        for piece in pieces {
            guard case .network(let set) = try reader.read(.with { $0.networkChanges = piece }) else { continue }
            facts.apply(set)
            sequence = set.sequence
        }
        return sequence
    }

    @Test func `a set and a snapshot are encoded once, for whoever reads them`() throws {
        let scope = NetworkFact.Scope.network("net")
        var ring = ChangeRing(scope, at: 5)
        var all = NetworkFacts()
        var encodings = 0
        func messages(after cursor: UInt64?) throws -> [Data] {
            try ring.messages(after: cursor) {
                encodings += 1
                return all.facts(of: scope)
            }
        }
        for number in 0..<100 {
            let set = NetworkChangeSet(scope, sequence: UInt64(6 + number), upserts: [fact(number)])
            all.apply(set)
            try ring.append(set, isRead: true)
        }
        var first = NetworkFacts()
        #expect(try read(messages(after: nil), &first) == 105)
        #expect(first == all && encodings == 1)
        let next = NetworkChangeSet(scope, sequence: 106, removals: [fact(7).key].compactMap(\.self))
        all.apply(next)
        try ring.append(next, isRead: true)
        // The one that has come so far gets the set; a new one the snapshot of before, and the set.
        #expect(try messages(after: 105).count == 1)
        #expect(try read(messages(after: 105), &first) == 106)
        var second = NetworkFacts()
        #expect(try read(messages(after: nil), &second) == 106)
        #expect(first == all && second == all && encodings == 1)
        #expect(try messages(after: 106).isEmpty)
        #expect(try messages(after: 105) == messages(after: 105))
    }

    @Test func `the last state that nodes acknowledge is one that they are told to`() throws {
        let scope = NetworkFact.Scope.network("net")
        var ring = ChangeRing(scope, at: 5)
        #expect(ring.awaited == 5)
        var facts = NetworkFacts()
        for (sequence, isQuiet) in [(UInt64(6), false), (7, true), (8, true)] {
            let set = NetworkChangeSet(scope, sequence: sequence, upserts: [fact(Int(sequence))], isQuiet: isQuiet)
            try ring.append(set, isRead: true)
        }
        #expect(ring.sequence == 8 && ring.awaited == 6)
        var acknowledged: UInt64 = 0
        var reader = AssignmentReader()
        for piece in try ring.messages(after: 5, { [] }) {
            guard case .network(let set) = try reader.read(.with { $0.networkChanges = piece }) else { continue }
            facts.apply(set)
            if !set.isQuiet { acknowledged = set.sequence }
        }
        #expect(facts.facts(of: scope).count == 3 && acknowledged == ring.awaited)
        // Who is new gets everything, and says when it has it.
        let all = facts
        var snapshot: NetworkChangeSet?
        for piece in try ring.messages(after: nil, { all.facts(of: scope) }) {
            if case .network(let set) = try reader.read(.with { $0.networkChanges = piece }) { snapshot = set }
        }
        #expect(snapshot?.isQuiet == false && snapshot?.sequence == 8)
        // Nobody reads it: what is told then is told as a whole.
        try ring.append(NetworkChangeSet(scope, sequence: 9, isQuiet: true), isRead: false)
        #expect(ring.sequence == 9 && ring.awaited == 6)
    }

    @Test func `who is too far behind gets everything`() throws {
        let scope = NetworkFact.Scope.network("net")
        var ring = ChangeRing(scope, at: 0)
        var all = NetworkFacts()
        for number in 1...1000 {
            let set = NetworkChangeSet(scope, sequence: UInt64(number), upserts: [fact(number)])
            all.apply(set)
            try ring.append(set, isRead: true)
        }
        for cursor: UInt64? in [nil, 0, 1, 500, 700, 990] {
            var facts = NetworkFacts()
            for number in 0..<Int(cursor ?? 0) {
                facts.apply(NetworkChangeSet(scope, sequence: 1, upserts: [fact(number + 1)]))
            }
            #expect(try read(ring.messages(after: cursor) { all.facts(of: scope) }, &facts) == 1000)
            #expect(facts == all, "from \(String(describing: cursor))")
        }
        // What nobody reads is not encoded, and not kept.
        let set = NetworkChangeSet(scope, sequence: 1001, upserts: [fact(1001)])
        all.apply(set)
        try ring.append(set, isRead: false)
        var facts = NetworkFacts()
        #expect(try read(ring.messages(after: 1000) { all.facts(of: scope) }, &facts) == 1001)
        #expect(facts == all)
    }
}
