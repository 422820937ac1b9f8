package import Faults

/// What is wrong with stored or loaded content.
package struct ImagesError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: Sendable {
        /// Content does not have the digest or size it should have.
        case damaged
        /// An archive that cannot be read.
        case badArchive
        /// An archive's entry that would reach outside the image, or is of a kind no image has.
        case refusedEntry
        /// An archive out of which more comes than is allowed.
        case tooLarge
        /// Something that should be in the store is not.
        case missing
    }

    package let code: Code
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind {
        switch code {
        case .badArchive, .refusedEntry, .tooLarge: .invalidInput
        case .damaged, .missing: .internalError
        }
    }

    package var description: String { message }
}
