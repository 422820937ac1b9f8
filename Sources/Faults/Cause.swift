/// What an error came of, where a client is told both.
package struct Cause: Sendable, Equatable {
    package let error: any Error

    package init(_ error: any Error) { self.error = error }

    /// What the underlying error means to whoever asked; one that does not say is a fault of ours.
    package var kind: FaultKind { (error as? any Fault)?.kind ?? .internalError }

    package static func == (left: Cause, right: Cause) -> Bool { "\(left.error)" == "\(right.error)" }
}
