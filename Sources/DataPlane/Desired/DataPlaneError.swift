package import Faults

/// What the data plane could not do as a whole; failures within one namespace are in ``ApplyReport`` instead.
package struct DataPlaneError: Fault, CustomStringConvertible, Equatable {
    /// What callers tell apart.
    package enum Code: String, Sendable {
        /// The wanted value contradicts itself.
        case inconsistent
        /// A namespace could not be brought to its wanted state.
        case incomplete
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var kind: FaultKind { .internalError }
    package var description: String { message }
}
