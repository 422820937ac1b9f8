package import Faults

/// Why this node's etcd does not run or does not do what it was asked.
package struct EtcdError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: Sendable, Equatable {
        /// No program called `etcd`.
        case missingProgram
        /// Did not become ready in time.
        case notReady
        /// The other members have removed this one: its data must be deleted before it joins again.
        case removed
        /// The program's socket would have a path that is too long for the kernel.
        case pathTooLong
    }

    package let code: Code
    /// For people: what failed, or what etcd said.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var kind: FaultKind {
        switch code {
        case .missingProgram, .notReady, .removed: .unavailable
        case .pathTooLong: .invalidInput
        }
    }

    package var description: String {
        switch code {
        case .missingProgram: "etcd is not installed: \(detail)"
        case .notReady: "the swarm's store did not become ready: \(detail)"
        case .removed: "this manager is no longer a member of the swarm's store: \(detail)"
        case .pathTooLong: "the path \(detail) is too long for a Unix socket"
        }
    }
}
