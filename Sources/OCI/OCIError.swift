package import Faults

/// What is wrong with a document, digest or reference.
package struct OCIError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart: a name that is none, a digest that is none, bytes that are no document, an index without this machine's
    /// image.
    package enum Code: Sendable {
        case badReference, badDigest, badDocument, noMatchingPlatform
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .badReference: .invalidInput
        case .noMatchingPlatform: .notFound
        case .badDigest, .badDocument: .internalError
        }
    }

    package var description: String {
        switch code {
        case .badReference, .noMatchingPlatform: message
        case .badDigest: "malformed \(message)"
        case .badDocument: "malformed document: \(message)"
        }
    }
}
