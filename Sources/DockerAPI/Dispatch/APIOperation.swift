/// One operation of the Engine API's definition, and what Apus does with it.
package struct APIOperation: Sendable {
    /// How it is answered.
    package enum State: Sendable, Equatable {
        case works
        /// Always answered with 501 and this reason.
        case refused(String)
        /// Answered with 501 and the operation's name.
        case missing
    }

    package let method: String
    /// As in `/containers/{id}/json`.
    package let path: String
    package let state: State
}
