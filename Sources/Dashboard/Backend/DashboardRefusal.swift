/// What somebody asked for and did not get, as it is written down.
package struct DashboardRefusal: Sendable, Equatable {
    /// The word of what was asked for, the same as where it is done; `sign-in` for a try to sign in.
    package var action: String
    /// What it was asked of, as far as that could be read; empty when it could not.
    package var subject: String
    /// Who asked; `nil` for whoever has not signed in and gave no name that an account has.
    package var user: String?
    /// Where it came from, without a port.
    package var address: String
    /// In words, without values.
    package var summary: String
    /// Why: a code, as the page is told it.
    package var reason: String
    /// How many refusals before this one were left out, so that nobody fills the log with them.
    package var leftOut = 0

    package init(
        action: String, subject: String = "", user: String?, address: String, summary: String, reason: String
    ) {
        self.action = action
        self.address = address
        self.reason = reason
        self.subject = subject
        self.summary = summary
        self.user = user
    }
}
