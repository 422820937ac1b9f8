import EtcdStore
import Model
import StateStore
import TestKit
import Testing

@testable import Cluster

/// Which steps lead from what is to what is asked for, and that they end there whatever order things happen in.
@Suite struct RolePlannerTests {
    private func node(
        _ id: String, wanted: NodeRole, granted: NodeRole, isDown: Bool = false, url: String? = nil
    ) -> Node {
        var node = Node(id: id)
        node.spec.role = wanted
        node.status.state = isDown ? .down : .ready
        var membership = Node.Membership()
        membership.role = granted
        membership.storeURL = url
        node.membership = membership
        return node
    }

    private func member(_ number: UInt64, _ name: String, url: String = "", isLearner: Bool = false) -> EtcdMember {
        EtcdMember(id: number, name: name, peerURLs: [url], isLearner: isLearner)
    }

    @Test func `a worker that is to be a manager is let, and its learner is promoted`() {
        let a = node("a", wanted: .manager, granted: .manager)
        #expect(
            RolePlanner.steps(
                nodes: [a, node("b", wanted: .manager, granted: .worker)], members: [member(1, "a")], present: ["a"],
                leader: "a") == [.grant(node: "b", .manager)])
        // It has no name before it has started once.
        let b = node("b", wanted: .manager, granted: .manager, url: "https://b:2380")
        let learner = member(2, "", url: "https://b:2380", isLearner: true)
        #expect(
            RolePlanner.steps(nodes: [a, b], members: [member(1, "a"), learner], present: ["a"], leader: "a")
                == [.promote(member: 2)])
        // A learner whose node is gone keeps others out.
        let gone = node("b", wanted: .manager, granted: .manager, isDown: true, url: "https://b:2380")
        #expect(
            RolePlanner.steps(nodes: [a, gone], members: [member(1, "a"), learner], present: ["a"], leader: "a")
                == [.remove(member: 2)])
    }

    @Test func `a manager that is to be a worker leaves the store before its certificate changes`() {
        let nodes = ["a", "b", "c"].map { node($0, wanted: $0 == "c" ? .worker : .manager, granted: .manager) }
        let members = [member(1, "a"), member(2, "b"), member(3, "c")]
        #expect(
            RolePlanner.steps(nodes: nodes, members: members, present: ["a", "b", "c"], leader: "a")
                == [.remove(member: 3)])
        #expect(
            RolePlanner.steps(nodes: nodes, members: Array(members.dropLast()), present: ["a", "b"], leader: "a")
                == [.grant(node: "c", .worker)])
        // The one that is down is not waited for, the quorum is.
        #expect(
            RolePlanner.steps(nodes: nodes, members: members, present: ["a", "b"], leader: "a") == [.remove(member: 3)])
        #expect(
            RolePlanner.steps(nodes: nodes, members: members, present: ["a", "c"], leader: "a") == [.wait(member: 3)])
        // The leader itself lets another one do it, when there is one.
        #expect(
            RolePlanner.steps(nodes: nodes, members: members, present: ["a", "b", "c"], leader: "c") == [.resign])
        #expect(RolePlanner.steps(nodes: nodes, members: members, present: ["c"], leader: "c") == [])
    }

    @Test func `a member that belongs to no node is removed`() {
        let nodes = ["a", "b"].map { node($0, wanted: .manager, granted: .manager) }
        let members = [member(1, "a"), member(2, "b"), member(3, "x")]
        #expect(
            RolePlanner.steps(nodes: nodes, members: members, present: ["a", "b"], leader: "a") == [.remove(member: 3)])
        #expect(RolePlanner.steps(nodes: nodes, members: members, present: ["a"], leader: "a") == [.wait(member: 3)])
    }

    /// What the steps do to the world, and the managers that they let join.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func `from any state the steps end in the one asked for and never cost the quorum`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ids = ["a", "b", "c", "d", "e"]
        var nodes = ids.map { id in
            node(
                id, wanted: id == "a" || Bool.random(using: &random) ? .manager : .worker,
                granted: id == "a" || Bool.random(using: &random) ? .manager : .worker, url: "https://\(id):2380")
        }
        var members = nodes.enumerated().filter { $1.id == "a" || Bool.random(using: &random) }.map { index, node in
            member(UInt64(index), node.id, url: "https://\(node.id):2380")
        }
        func up() -> Set<String> { Set(members.filter { !$0.isLearner }.map(\.name)) }
        for _ in 0..<20 {
            let steps = RolePlanner.steps(nodes: nodes, members: members, present: up(), leader: "a")
            for step in steps {
                switch step {
                case .grant(let id, let role):
                    guard let index = nodes.firstIndex(where: { $0.id == id }) else { continue }
                    #expect(role == .manager || !members.contains { $0.name == id })
                    nodes[index].membership?.role = role
                case .promote(let id):
                    members = members.map { $0.id == id ? member(id, $0.name, url: $0.peerURLs[0]) : $0 }
                case .remove(let id):
                    members.removeAll { $0.id == id }
                    #expect(members.contains { $0.name == "a" })
                case .resign, .wait: Issue.record("\(step) though all are up (seed \(seed))")
                }
            }
            // A manager without a member joins, unless another one is about to: etcd has one learner at a time.
            let joining = nodes.enumerated().first { _, node in
                node.grantedRole == .manager && node.spec.role == .manager
                    && !members.contains { $0.name == node.id || $0.isLearner }
            }
            if let (index, node) = joining {
                members.append(member(UInt64(100 + index), node.id, url: "https://\(node.id):2380", isLearner: true))
            } else if steps.isEmpty {
                break
            }
        }
        #expect(nodes.allSatisfy { $0.spec.role == $0.grantedRole }, "seed \(seed)")
        let wanted = Set(nodes.filter { $0.spec.role == .manager }.map(\.id))
        #expect(Set(members.map(\.name)) == wanted && members.allSatisfy { !$0.isLearner }, "seed \(seed)")
    }
}

/// Which manager tells since when a node is silent.
@Suite struct HeartbeatMonitorTests {
    private func live(leader: String, present: [String]) throws -> LiveState {
        var live = LiveState()
        func value(_ key: StoreKey, _ text: String) -> StoredValue {
            StoredValue(key: key, value: Array(text.utf8), createRevision: 1, modifyRevision: 1)
        }
        live.take(
            .snapshot(
                StoreListing(
                    values: [value(.leader(of: LiveKey.orchestration), leader)]
                        + present.map { value(.leader(of: LiveKey.presence(of: $0)), $0) }, revision: 1)))
        return live
    }

    @Test func `a manager tells of its own nodes, the leader of those whose manager is gone`() throws {
        let start = ContinuousClock.now
        var node = Node(id: "n")
        var membership = Node.Membership()
        membership.session = Node.Session(manager: "a", id: "1")
        node.membership = membership
        func sign(_ silence: inout HeartbeatMonitor, _ own: String, _ live: LiveState, _ seconds: Int) -> Int? {
            let now = start + .seconds(seconds)
            return silence.lastSign(
                of: node, heardHere: own == "a" ? start + .seconds(2) : nil, live, own: own, now: now
            ).map { Int(($0 - start) / .seconds(1)) }
        }
        var own = HeartbeatMonitor(listeningSince: start)
        var leader = HeartbeatMonitor(listeningSince: start)
        let both = try live(leader: "b", present: ["a", "b"])
        #expect(sign(&own, "a", both, 9) == 2)
        #expect(sign(&leader, "b", both, 9) == nil)
        // What was said while the manager did not hear is not held against the node.
        own.listening = start + .seconds(8)
        #expect(sign(&own, "a", both, 9) == 8)
        let one = try live(leader: "b", present: ["b"])
        #expect(sign(&leader, "b", one, 20) == 20)
        #expect(sign(&leader, "b", one, 25) == 20)
        // It has found another manager, which is gone as well.
        node.membership?.session = Node.Session(manager: "c", id: "2")
        #expect(sign(&leader, "b", one, 30) == 30)
        var follower = HeartbeatMonitor(listeningSince: start)
        #expect(sign(&follower, "d", one, 30) == nil)
    }
}
