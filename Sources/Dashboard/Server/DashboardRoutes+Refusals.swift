import Logging
import Synchronization

/// The refusals of a listener, counted.
final class Refusals: Sendable {
    private let book = Mutex(RefusalBook())

    /// - Returns: How many were left out before; `nil` when it is to be left out.
    func admit(_ account: String?) -> Int? {
        let now = DashboardAccounts.uptime()
        return book.withLock { $0.admit(account, at: now) }
    }
}

/// What is asked for and not given is written down as what is done is, within a bound.
extension DashboardRoutes {
    /// What a user's role or bounds do not allow.
    func writeDown(
        _ action: String, of subject: String, summary: String, reason: DashboardError.Code = .notAllowed,
        _ call: DashboardRequest, _ user: DashboardUser
    ) async {
        guard let leftOut = refusals.admit(user.name) else { return }
        var refusal = DashboardRefusal(
            action: action, subject: subject, user: user.name, address: call.address, summary: summary,
            reason: reason.rawValue)
        refusal.leftOut = leftOut
        await backend.refused(refusal)
    }

    /// A try to sign in that failed. A name that no account has is not written down: it may be a password.
    func writeDown(signInOf name: String?, reason: String, _ call: DashboardRequest) async {
        // Whoever floods this has the accounts looked through no more often than is written down.
        guard let leftOut = refusals.admit(nil) else { return }
        let known = await accounts.store.accounts().first { $0.name == name }?.name
        var refusal = DashboardRefusal(
            action: "sign-in", subject: known ?? "", user: known, address: call.address, summary: "sign in",
            reason: reason)
        refusal.leftOut = leftOut
        await backend.refused(refusal)
    }
}
