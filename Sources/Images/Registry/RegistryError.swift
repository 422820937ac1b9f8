package import Faults

/// What a registry, or the way to it, has refused.
package struct RegistryError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: Sendable {
        /// The registry has no such image, or does not show it to this caller.
        case notFound, denied
        /// The registry asks for credentials that were not given, or does not take those given.
        case unauthorized
        /// It could not be reached, or broke off.
        case unreachable
        /// What came is not what was asked for: wrong digest, wrong size, no document.
        case damaged
        /// It answered with an error of its own.
        case refused
    }

    package let code: Code
    /// In Docker's words where it has some.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .notFound, .denied: .notFound
        case .unauthorized, .unreachable, .damaged, .refused: .internalError
        }
    }

    package var description: String { message }
}
