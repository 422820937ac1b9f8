package import Faults

/// A log that cannot be read or rotated.
package struct LogError: Fault, CustomStringConvertible, Equatable {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var kind: FaultKind { .internalError }
    package var description: String { message }
}
