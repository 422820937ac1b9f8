import Netlink
import Synchronization

/// In which generation of its rules each namespace was left, by this process. Where the kernel says the same again, its tables are what they are known to
/// be, and nobody reads them.
///
/// A transaction of our own leads from one generation to the next; where more have come, somebody else has made some, and nothing is known until the
/// tables have been read. Nothing is known of a namespace either of which the tables were never read or made by this process.
final class RulesetGenerations: Sendable {
    private let known = Mutex<[Scope: UInt32]>([:])

    /// Notes what the tables of a namespace were read or made in; `nil`: that nothing is known.
    subscript(_ scope: Scope) -> UInt32? {
        get { known.withLock { $0[scope] } }
        set { known.withLock { $0[scope] = newValue } }
    }

    /// Runs as many transactions of our own as are said, blocking.
    /// - Parameter socket: of the namespace.
    func change<T>(
        _ scope: Scope, _ transactions: UInt32 = 1, over socket: @autoclosure () throws -> RulesetSocket,
        _ work: () throws -> T
    ) throws -> T {
        let before = self[scope]
        // Whatever comes: until it is known again, it is not.
        self[scope] = nil
        let value = try work()
        guard let before else { return value }
        let now = try socket().generation()
        if now == Self.number(before, after: transactions) { self[scope] = now }
        return value
    }

    /// The kernel's counter passes over 0.
    static func number(_ before: UInt32, after transactions: UInt32) -> UInt32 {
        let sum = before.addingReportingOverflow(transactions)
        return sum.overflow ? sum.partialValue &+ 1 : sum.partialValue
    }

    /// `nil`: all.
    func forget(_ scopes: Set<Scope>?) {
        known.withLock { known in
            guard let scopes else { return known = [:] }
            for scope in scopes { known[scope] = nil }
        }
    }

    func forget(allBut scopes: Set<Scope>) { known.withLock { $0 = $0.filter { scopes.contains($0.key) } } }
}
