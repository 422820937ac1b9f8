import HTTPTypes
import HummingbirdCore
import Logging
import Model

/// Signing in and out, and what operators do.
extension DashboardRoutes {
    private struct Greeting: Encodable {
        var user: DashboardUser?
        var cluster: String
        var fingerprint: String
        var hasAccounts: Bool
        /// Milliseconds since 1970 by the manager's clock, which the page goes by.
        var now: Int64
    }
    private struct Password: Decodable {
        var name: String
        var password: String
    }
    private struct Link: Decodable { var token: String }
    private struct SignInError: Encodable {
        var error: String
        /// Seconds until the next try.
        var wait: Double?
    }

    /// Also for whoever has not signed in: the page tells by it which of the two it shows.
    func whoIs(_ call: DashboardRequest) async throws -> DashboardAnswer {
        var user: DashboardUser?
        if let cookie = call.cookie { user = try await accounts.user(of: cookie, isLocal: call.isLocal) }
        let greeting = await greeting()
        return try .json(
            Greeting(
                user: user, cluster: greeting.name, fingerprint: greeting.fingerprint,
                hasAccounts: !(await accounts.store.accounts().isEmpty),
                now: Timestamp.now.clampedNanosecondsSinceEpoch / 1_000_000), call.request)
    }

    func signIn(_ call: DashboardRequest) async throws -> DashboardAnswer {
        let given = try await call.body(Password.self)
        return try await answer(
            await accounts.signIn(name: given.name, password: given.password, address: call.address), call,
            name: given.name)
    }

    func signInByLink(_ call: DashboardRequest) async throws -> DashboardAnswer {
        let given = try await call.body(Link.self)
        return try await answer(await accounts.signIn(link: given.token, isLocal: call.isLocal), call)
    }

    private func answer(_ login: DashboardAccounts.Login, _ call: DashboardRequest, name: String? = nil) async throws
        -> DashboardAnswer
    {
        switch login {
        case .signedIn(let cookie, let user):
            var answer = try DashboardAnswer.json(user, call.request)
            answer.fields[.setCookie] = Self.cookie(cookie, seconds: SessionSigner.lifetime)
            logger.notice("signed in to the dashboard", metadata: ["user": "\(user.name)", "from": "\(call.address)"])
            return answer
        case .wrong:
            await writeDown(signInOf: name, reason: "wrong", call)
            return try .json(SignInError(error: "wrong"), call.request, .unauthorized)
        case .wait(let seconds):
            await writeDown(signInOf: name, reason: "wait", call)
            var answer = try DashboardAnswer.json(
                SignInError(error: "wait", wait: seconds), call.request, .tooManyRequests)
            answer.fields[.retryAfter] = "\(Int(clamping: Int64(seconds.rounded(.up).clamped(1, 60))))"
            return answer
        }
    }

    static func signOut() -> DashboardAnswer {
        var answer = DashboardAnswer.empty(.noContent)
        answer.fields[.setCookie] = cookie("", seconds: 0)
        return answer
    }

    private static func cookie(_ value: String, seconds: Int64) -> String {
        "\(DashboardRequest.cookieName)=\(value); Path=/; Max-Age=\(seconds); Secure; HttpOnly; SameSite=Strict"
    }

    private struct Order: Decodable {
        var service: String?
        var node: String?
        var alert: String?
        var silence: String?
        var version: UInt64?
        var replicas: UInt64?
        var image: String?
        var availability: String?
        var minutes: Int?
    }

    func act(_ call: DashboardRequest, _ name: String, _ user: DashboardUser) async throws -> DashboardAnswer {
        guard user.role == .operator else {
            // What it was about is told as far as it can be read; it is refused all the same.
            let action = (try? await call.body(Order.self)).flatMap { Self.action(name, $0) }
            await writeDown(
                action?.word ?? "order", of: action?.subject ?? "", summary: action?.summary ?? "an order", call, user)
            throw DashboardError(.notAllowed)
        }
        let order = try await call.body(Order.self)
        guard let action = Self.action(name, order) else { throw DashboardError(.badRequest) }
        try await backend.perform(action, by: user.name)
        return .empty(.noContent)
    }

    private static func action(_ name: String, _ order: Order) -> DashboardAction? {
        func short(_ text: String?, _ most: Int = 128) -> String? {
            guard let text, !text.isEmpty, text.utf8.count <= most else { return nil }
            return text
        }
        switch name {
        case "scale":
            guard let service = short(order.service), let version = order.version, let count = order.replicas,
                count <= 100_000
            else { return nil }
            return .scale(service: service, version: version, replicas: count)
        case "restart":
            guard let service = short(order.service), let version = order.version else { return nil }
            return .restart(service: service, version: version)
        case "update":
            guard let service = short(order.service), let version = order.version, let image = short(order.image, 512)
            else { return nil }
            return .update(service: service, version: version, image: image)
        case "rollback":
            guard let service = short(order.service), let version = order.version else { return nil }
            return .rollBack(service: service, version: version)
        case "availability":
            guard let node = short(order.node), let version = order.version, let word = order.availability,
                ["active", "pause", "drain"].contains(word)
            else { return nil }
            return .availability(node: node, version: version, word)
        case "silence":
            guard let alert = short(order.alert), let minutes = order.minutes, (1...43_200).contains(minutes)
            else { return nil }
            return .silence(alert: alert, minutes: minutes)
        case "unsilence":
            guard let silence = short(order.silence) else { return nil }
            return .unsilence(silence)
        default: return nil
        }
    }
}

extension Double {
    fileprivate func clamped(_ least: Double, _ most: Double) -> Double {
        self < least ? least : self > most ? most : self
    }
}
