/// What the daemon knows of `apus-esp` at a moment.
package struct EncryptionStatus: Equatable, Sendable {
    /// What the process has said of itself; `nil` while there is no connection to one that speaks this version of the messages.
    package var hello: EncryptionHello?
    /// The version of the wanted state that the process has answered; what is wanted later it does not have yet.
    package var answered: UInt64 = 0
    /// What was not as wanted, then.
    package var faults: [EncryptionFault] = []
    /// Why there is no connection, for a log.
    package var failure: String?

    package init() {}

    /// Whether the process has all that was wanted as of a version, as ``EncryptionEngineClient/apply(_:)`` returns them.
    package func has(_ version: UInt64) -> Bool { hello != nil && answered >= version }
}
