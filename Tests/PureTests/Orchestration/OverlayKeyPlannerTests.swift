import Foundation
import Model
import Testing

@testable import Orchestration

struct OverlayKeyPlannerTests {
    private let planner = OverlayKeyPlanner()
    private let start = Timestamp(seconds: 1_800_000_000)

    private func secret(_ number: UInt8 = 1) -> OverlaySecret? {
        OverlaySecret(bytes: Data(repeating: number, count: OverlaySecret.length))
    }

    private func step(
        _ keyring: OverlayKeyring?, wanted: Bool = true, members: [UInt64] = [], silent: [UInt64] = [],
        after seconds: Int64 = 0, waited: Duration = .zero
    ) -> OverlayKeyPlanner.Outcome {
        let all =
            members.map { OverlayKeyPlanner.Member(version: $0, isReady: true) }
            + silent.map { OverlayKeyPlanner.Member(version: $0, isReady: false) }
        return planner.step(
            keyring, isWanted: wanted, members: all, now: start.advanced(bySeconds: seconds), waited: waited,
            secret: { secret() })
    }

    private func numbers(_ keyring: OverlayKeyring?) -> [UInt64] { keyring?.generations.map(\.number) ?? [] }

    @Test func `the first encrypted network brings the first key, and the last one takes all away`() throws {
        #expect(step(nil, wanted: false) == .init())
        let first = try #require(step(nil).keyring)
        #expect(numbers(first) == [1] && first.sending == 1 && first.version == 1)
        let none = try #require(step(first, wanted: false).keyring)
        #expect(none.isEmpty && none.version == 2)
        #expect(step(none, wanted: false) == .init())
        let again = try #require(step(none).keyring)
        // Never a number that was there.
        #expect(numbers(again) == [3] && again.sending == 3)
    }

    @Test func `a key is replaced after twelve hours: receive, then send, then forget`() throws {
        let first = try #require(step(nil).keyring)
        #expect(step(first, members: [1, 1], after: 43_199).keyring == nil)
        let told = try #require(step(first, members: [1, 1], after: 43_200).keyring)
        #expect(numbers(told) == [1, 2] && told.sending == 1)
        // One node has not said that it receives with it.
        #expect(step(told, members: [2, 1], after: 43_300).keyring == nil)
        let used = try #require(step(told, members: [2, 2], after: 43_300).keyring)
        #expect(numbers(used) == [1, 2] && used.sending == 2)
        #expect(step(used, members: [3, 2], after: 43_300, waited: .seconds(600)).keyring == nil)
        // What was sent before has time to arrive.
        #expect(step(used, members: [3, 3], after: 43_300, waited: .seconds(59)) == .init(wait: .seconds(1)))
        let left = try #require(step(used, members: [3, 3], after: 43_300, waited: .seconds(60)).keyring)
        #expect(numbers(left) == [2] && left.sending == 2)
        #expect(step(left, members: [4, 4], after: 43_301).keyring == nil)
    }

    @Test func `a removed node's key is replaced at once, also one that is still to come`() throws {
        var keyring = try #require(step(nil).keyring)
        keyring.removals = 1
        var told = try #require(step(keyring, members: [1]).keyring)
        #expect(numbers(told) == [1, 2] && told.sending == 1)
        told.removals = 2
        let replaced = try #require(step(told, members: [2]).keyring)
        #expect(numbers(replaced) == [1, 3] && replaced.sending == 1)
        var used = try #require(step(replaced, members: [3]).keyring)
        #expect(used.sending == 3)
        used.removals = 3
        let both = try #require(step(used, members: [3]).keyring)
        #expect(numbers(both) == [1, 3, 5] && both.sending == 3)
        let next = try #require(step(both, members: [5], waited: .seconds(60)).keyring)
        #expect(numbers(next) == [3, 5] && next.sending == 5)
        let last = try #require(step(next, members: [6], waited: .seconds(60)).keyring)
        #expect(numbers(last) == [5] && last.sending == 5)
    }

    @Test func `who does not answer is waited for, but not for ever, and not at all when a removed node knows the key`()
        throws
    {
        let first = try #require(step(nil).keyring)
        var told = try #require(step(first, members: [1], silent: [1], after: 43_200).keyring)
        #expect(step(told, members: [2], silent: [1], waited: .seconds(899)).keyring == nil)
        #expect(step(told, members: [2], silent: [1], waited: .seconds(900)).keyring?.sending == 2)
        #expect(step(told, members: [1], waited: .seconds(3_599)).keyring == nil)
        #expect(step(told, members: [1], waited: .seconds(3_600)).keyring?.sending == 2)
        told.removals = 1
        let replaced = try #require(step(told, members: [2], silent: [1]).keyring)
        #expect(step(replaced, members: [3], silent: [1]).keyring?.sending == 3)
        #expect(step(replaced, members: [2], waited: .seconds(59)).keyring == nil)
        #expect(step(replaced, members: [2], waited: .seconds(60)).keyring?.sending == 3)
    }

    @Test func `a clock that jumps makes no node deaf`() throws {
        let first = try #require(step(nil).keyring)
        let ahead = try #require(step(first, members: [1], after: 1 << 40).keyring)
        #expect(ahead.sending == 1)
        // Ages go by the clock; who is waited for does not.
        #expect(step(ahead, members: [1], after: 1 << 41).keyring == nil)
        #expect(step(first, members: [1], after: -(1 << 40)).keyring?.sending == 1)
        #expect(step(first, members: [1], after: -30).keyring == nil)
    }

    @Test func `a secret shows itself in no text`() throws {
        let keyring = try #require(step(nil).keyring)
        var text = "\(keyring) \(String(reflecting: keyring))"
        dump(keyring, to: &text)
        #expect(
            !text.contains("0x01") && !text.contains("AQEB") && !text.contains("32 bytes") && text.contains("secret"))
    }

    /// Nodes that are told late, in bursts or anew after a crash, answers that come late, nodes that come and go, and clocks that jump.
    @Test(arguments: 1...60)
    func `at any moment each node accepts what each other sends`(_ seed: UInt64) {
        var play = Play(seed)
        for _ in 0..<400 {
            play.act()
            let gap = play.gap
            #expect(gap == nil, "seed \(seed): \(gap ?? "")")
            if gap != nil { return }
            #expect(play.keyring.generations.count <= OverlayKeyring.maximumGenerations)
        }
        play.settle()
        #expect(play.gap == nil, "seed \(seed)")
        for (node, known) in play.outside {
            #expect(known.isDisjoint(with: play.keyring.generations.map(\.number)), "seed \(seed): \(node) knows a key")
        }
        #expect(play.keyring.generations.count == 1, "seed \(seed)")
    }
}

/// A swarm of nodes that encrypt.
private struct Play {
    struct Node {
        /// In force; `nil` after a crash, until it is told again.
        var keyring: OverlayKeyring?
        /// Told and not in force yet, in order.
        var told: [OverlayKeyring] = []
        /// What the store has of what it said.
        var reported: UInt64 = 0
        var known: Set<UInt64> = []

        mutating func apply(_ next: OverlayKeyring) {
            keyring = next
            known.formUnion(next.generations.map(\.number))
        }
    }

    private var random: Random
    private(set) var keyring = OverlayKeyring()
    private var nodes: [Int: Node] = [:]
    /// What removed nodes know.
    private(set) var outside: [Int: Set<UInt64>] = [:]
    private var number = 0
    private var now = Timestamp(seconds: 1_800_000_000)
    private var waited = Duration.zero

    struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }

    init(_ seed: UInt64) {
        random = Random(state: seed)
        lead()
        for _ in 0..<3 { join() }
    }

    private mutating func chance(_ share: Int) -> Bool { Int.random(in: 0..<100, using: &random) < share }

    private mutating func join() {
        number += 1
        var node = Node()
        node.apply(keyring)
        nodes[number] = node
    }

    mutating func act() {
        let id = nodes.keys.sorted().randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6: deliver(id)
        case 6..<10:
            let version = nodes[id]?.keyring?.version ?? 0
            nodes[id]?.reported = version
        case 10: nodes[id]?.keyring = nil
        case 11: if nodes.count < 7 { join() }
        case 12: if chance(30), nodes.count > 2 { remove(id) }
        case 13: now = now.advanced(bySeconds: Int64.random(in: -100_000...100_000, using: &random))
        case 14: waited += .seconds(Int.random(in: 0...70, using: &random))
        default: lead()
        }
    }

    /// Messages come in order; a node that has crashed asks anew and is told the newest.
    private mutating func deliver(_ id: Int) {
        guard var node = nodes[id] else { return }
        if node.keyring == nil || chance(20) {
            node.told = []
            node.apply(keyring)
        } else if !node.told.isEmpty {
            node.apply(node.told.removeFirst())
        }
        nodes[id] = node
    }

    private mutating func remove(_ id: Int) {
        guard let node = nodes.removeValue(forKey: id) else { return }
        outside[id] = node.known.union(node.told.flatMap { $0.generations.map(\.number) })
        keyring.removals += 1
    }

    private mutating func lead() {
        // Nobody is given up here: that is asked for elsewhere.
        var planner = OverlayKeyPlanner()
        planner.timeoutAfterRemoval = planner.timeout
        waited = min(waited, .seconds(59) + (chance(50) ? .seconds(1) : .zero))
        let members = nodes.values.map { OverlayKeyPlanner.Member(version: $0.reported, isReady: true) }
        let next = planner.step(keyring, isWanted: true, members: members, now: now, waited: waited) {
            OverlaySecret(bytes: Data(repeating: 7, count: OverlaySecret.length))
        }
        guard let next = next.keyring else { return }
        keyring = next
        waited = .zero
        for id in nodes.keys { nodes[id]?.told.append(next) }
    }

    /// Whoever does not accept what another sends.
    var gap: String? {
        for (id, node) in nodes {
            guard let own = node.keyring else { continue }
            for (other, sender) in nodes where other != id {
                guard let sending = sender.keyring?.sending else { continue }
                if !own.generations.contains(where: { $0.number == sending }) {
                    return "node \(id) has \(own.generations.map(\.number)), node \(other) sends with \(sending)"
                }
            }
        }
        return nil
    }

    /// All is told and said, until nothing changes.
    mutating func settle() {
        for _ in 0..<20 {
            for id in nodes.keys {
                nodes[id]?.told = []
                nodes[id]?.apply(keyring)
                nodes[id]?.reported = keyring.version
            }
            waited = .seconds(60)
            lead()
            waited = .seconds(60)
            lead()
        }
        for id in nodes.keys { nodes[id]?.apply(keyring) }
    }
}
