import AsyncHTTPClient
import Concurrency
import EngineInterface
import Foundation
import Logging
import Model
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOSSL
import PeerNames

/// Tells a receiver of alerts over HTTP, in Alertmanager's form (webhook, JSON version 4), until it has taken them.
///
/// Of each alert the last word waits, so that a receiver that is away costs nothing and learns how things are when it is back. There is
/// room for so many that go on; of those that are over as many wait again, and then the oldest ends are counted and dropped.
final class AlertWebhook: Sendable {
    /// Alerts of one request.
    static let mostAlerts = 100
    static let deadline = TimeAmount.seconds(10)
    private static let initialBackoff = Duration.seconds(1)
    private static let maximumBackoff = Duration.seconds(60)

    /// Failures in a row after which the receiver counts as down.
    private static let failuresOfDown = 3

    private let url: String
    private let client: HTTPClient
    private let watch: PostingWatch
    private let log: Logger

    private struct State {
        /// By fingerprint.
        var alerts: [String: Alert] = [:]
        /// Not told of yet.
        var losses = 0
    }

    private let waiting = ObservableValue(State())

    /// - Parameter trust: Who may have signed the receiver's certificate, which must be for the URL's name.
    init(url: String, trust: TLSConfiguration = .makeClientConfiguration(), log: Logger) {
        // What an answer leads to was not asked for, and is no receiver.
        var configuration = HTTPClient.Configuration(tlsConfiguration: trust, redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        // Why there is no connection is told at once; it is tried again below.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let name = URL(string: url)?.host(percentEncoded: false).flatMap({ PeerName($0) }) {
            configuration.http1_1ConnectionDebugInitializer = { name.check($0) }
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        self.log = log
        self.url = url
        watch = PostingWatch(address: Self.shown(url), failuresOfDown: Self.failuresOfDown)
    }

    // A request that is under way has this webhook: nothing is broken off.
    deinit { client.shutdown { _ in } }

    /// How posting goes.
    var state: PostingState {
        var state = watch.state
        state.waiting = waiting.value.alerts.count
        return state
    }

    /// The address without what may be secret of it: user, password and query.
    var shownURL: String { watch.state.address }

    private static func shown(_ url: String) -> String {
        guard let parts = URL(string: url), let scheme = parts.scheme, let host = parts.host() else { return "" }
        let port = parts.port.map { ":" + String($0) } ?? ""
        return scheme + "://" + host + port + parts.path
    }

    /// How many more alerts that go on may wait.
    var room: Int { max(0, AlertMachine.mostAlerts - waiting.value.alerts.values.count { $0.endsAt == nil }) }

    /// Has the receiver told. Waits for nothing.
    func tell(_ alert: Alert) {
        waiting.change { waiting in
            waiting.alerts[alert.fingerprint] = alert
            guard waiting.alerts.count > 2 * AlertMachine.mostAlerts else { return }
            let ends = waiting.alerts.values.compactMap { alert in alert.endsAt.map { (alert.fingerprint, $0) } }
            guard let (oldest, _) = ends.min(by: { $0.1 < $1.1 }) else { return }
            waiting.alerts[oldest] = nil
            waiting.losses += 1
            watch.lost(1)
        }
    }

    /// How many ends have been dropped since the last time.
    func takeLosses() -> Int {
        let losses = waiting.value.losses
        if losses > 0 { waiting.change { $0.losses -= losses } }
        return losses
    }

    /// Does not tell any more what waits to be told of an alert that goes on; the end of one is told.
    func withdraw(_ fingerprint: String) {
        waiting.change { waiting in
            if waiting.alerts[fingerprint]?.endsAt == nil { waiting.alerts[fingerprint] = nil }
        }
    }

    /// Tells the receiver until cancelled.
    /// - Parameter tell: Of a receiver that is down, and of one that is back.
    func run(_ tell: @Sendable (EngineEvent) -> Void = { _ in }) async throws {
        var pause = Self.initialBackoff
        while true {
            let batch = try await waiting.wait { waiting in
                waiting.alerts.isEmpty
                    ? nil
                    : Array(waiting.alerts.values.sorted { $0.fingerprint < $1.fingerprint }.prefix(Self.mostAlerts))
            }
            do {
                try await post(AlertNotification(batch))
                if let news = watch.succeeded() { tell(news.event("alert-webhook", of: shownURL)) }
                waiting.change { waiting in
                    for alert in batch where waiting.alerts[alert.fingerprint] == alert {
                        waiting.alerts[alert.fingerprint] = nil
                    }
                }
                pause = Self.initialBackoff
            } catch {
                try Task.checkCancellation()
                log.warning("alerts could not be told", metadata: ["url": "\(shownURL)", "error": "\(error)"])
                if let news = watch.failed(Self.reason(error)) { tell(news.event("alert-webhook", of: shownURL)) }
                try await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
                pause = min(pause * 2, Self.maximumBackoff)
            }
        }
    }

    private struct StatusError: Error { let status: UInt }

    private static func reason(_ error: any Error) -> String {
        if let refusal = error as? StatusError { return "status \(refusal.status)" }
        return "\(error)"
    }

    private func post(_ notification: AlertNotification) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(data: try encoder.encode(notification)))
        let response = try await client.execute(request, timeout: Self.deadline)
        guard (200..<300).contains(response.status.code) else { throw StatusError(status: response.status.code) }
    }
}

/// What a receiver of Alertmanager's webhooks is sent. Source: Prometheus Alertmanager, `notify/webhook`, version 4.
struct AlertNotification: Encodable {
    struct Item: Encodable {
        var status: String
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: Timestamp
        /// `0001-01-01T00:00:00Z` as long as it goes on.
        var endsAt: Timestamp
        var generatorURL = ""
        var fingerprint: String

        init(_ alert: Alert) {
            status = alert.status
            labels = alert.allLabels
            annotations = ["summary": alert.summary, "value": Alert.text(alert.value)]
            startsAt = alert.startsAt
            endsAt = alert.endsAt ?? .zero
            fingerprint = alert.fingerprint
        }
    }

    var version = "4"
    var groupKey = "{}:{}"
    var truncatedAlerts = 0
    /// `firing` as long as one of them does.
    var status: String
    var receiver = "apus"
    var groupLabels: [String: String] = [:]
    /// What all of them have.
    var commonLabels: [String: String]
    var commonAnnotations: [String: String]
    var externalURL = ""
    var alerts: [Item]

    init(_ alerts: [Alert]) {
        let items = alerts.map(Item.init)
        self.alerts = items
        status =
            items.contains { $0.status == AlertMachine.Change.firing }
            ? AlertMachine.Change.firing : AlertMachine.Change.resolved
        commonLabels = Self.common(items.map(\.labels))
        commonAnnotations = Self.common(items.map(\.annotations))
    }

    private static func common(_ all: [[String: String]]) -> [String: String] {
        (all.first ?? [:]).filter { entry in all.allSatisfy { $0[entry.key] == entry.value } }
    }
}

extension Alert {
    var status: String { endsAt == nil ? AlertMachine.Change.firing : AlertMachine.Change.resolved }
}
