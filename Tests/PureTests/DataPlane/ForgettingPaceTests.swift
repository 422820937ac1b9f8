import Addressing
import Model
import Netlink
import Testing

@testable import DataPlane

/// How often connections are looked through, which costs a walk through the kernel's table of all namespaces.
@Suite struct ForgettingPaceTests {
    private let start = ContinuousClock.now
    private let scope = Scope.sandbox("a")

    private func end(_ last: UInt8) -> ConnectionEnd { .answered(IPAddress(10, 0, 0, last)) }

    @Test func `what ends within a second of a look is looked for together`() {
        var forgetting = Forgetting()
        var looks: [Int] = []
        // Ten ends a second, for three seconds.
        for last in UInt8(0)..<30 {
            let now = start + .milliseconds(100 * Int(last))
            forgetting.add([scope: [end(last)], .node: [end(last)]])
            let due = forgetting.takeDue(at: now)
            #expect(due[.node] == due[scope])
            if let ends = due[scope] {
                looks.append(ends.count)
                forgetting.note([scope, .node], at: now)
            }
        }
        #expect(looks == [1, 10, 10])
        #expect(forgetting.next(at: start + .seconds(3)) == start + .seconds(3))
        let rest = forgetting.takeDue(at: start + .seconds(3))
        #expect(rest[scope]?.count == 9)
        #expect(forgetting.next(at: start + .seconds(3)) == nil)
    }

    @Test func `where there was no connection it is asked again sooner, and what cannot wait does not`() {
        var forgetting = Forgetting()
        forgetting.note(quiet: [scope], at: start)
        forgetting.note([.node], at: start)
        forgetting.add([scope: [end(1)], .node: [end(1)]])
        let due = [200, 250].map { forgetting.takeDue(at: start + .milliseconds($0)) }
        #expect(due == [[:], [scope: [end(1)]]])
        let atOnce = forgetting.takeDue(at: start + .milliseconds(260), atOnce: [.node])
        #expect(atOnce == [.node: [end(1)]])
    }

    @Test func `few connections are read in one go, among many the kernel is asked for those that end`() {
        let three = EndedConnections([end(1), end(2), end(3)], own: [])
        #expect(three.selections(among: 2000) == nil)
        #expect(three.selections(among: 2001)?.count == 3)
        // One question is one walk in any case, but for a port, which is asked for in both families.
        #expect(EndedConnections([end(1)], own: []).selections(among: 1) == [.answered(from: IPAddress(10, 0, 0, 1))])
        let port = EndedConnections([.unled(.udp, 53, at: nil)], own: [])
        #expect(port.selections(among: 1000) == nil)
        #expect(port.selections(among: .max) == [.port(53, protocol: 17)])
        #expect(EndedConnections((1...40).map(end), own: []).selections(among: .max) == nil)
    }
}
