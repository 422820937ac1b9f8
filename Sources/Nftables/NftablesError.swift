package import Faults

/// A command that libnftables did not carry out.
package struct NftablesError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: String, Sendable {
        /// No context could be made.
        case unavailable
        /// The text was wrong, or the kernel refused it. Nothing of the transaction has happened.
        case rejected
        /// A listing that is not what nft prints.
        case unreadable
    }

    package let code: Code
    /// What was being done, as in "change table ip node".
    package let attempting: String
    /// nft's own words.
    package let message: String

    package init(code: Code, attempting: String, message: String) {
        self.code = code
        self.attempting = attempting
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .unavailable: .unavailable
        case .rejected, .unreadable: .internalError
        }
    }

    package var description: String { "\(attempting): \(message)" }
}
