package import Faults

/// Why the node's own store did not do what it was asked.
package struct LocalStoreError: Fault, CustomStringConvertible {
    /// What callers tell apart.
    package enum Code: Sendable, Equatable {
        /// The disk has no room.
        case full
        /// The file cannot be opened, read or written.
        case notUsable
        /// The file was written by a newer version.
        case newerSchema
        /// A value is not of the type asked for.
        case undecodable
        /// The value cannot be written as JSON.
        case unencodable
    }

    package let code: Code
    package let attempting: String
    package let cause: (any Error)?

    package init(_ code: Code, _ attempting: String, cause: (any Error)? = nil) {
        self.attempting = attempting
        self.cause = cause
        self.code = code
    }

    package var kind: FaultKind { .internalError }

    package var description: String {
        let reason =
            switch code {
            case .full: "no space left on device"
            case .newerSchema: "the file was written by a newer version"
            case .notUsable, .undecodable, .unencodable: cause.map { "\($0)" } ?? "\(code)"
            }
        return "cannot \(attempting): \(reason)"
    }
}
