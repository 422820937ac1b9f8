import EngineInterface
import Logging
import Model
import Orchestration

/// Looks on the leader whether somebody is to be told of something, and tells it: as events of type `alert`, which every manager has.
struct AlertWatch: Sendable {
    /// As often as nodes tell how they are.
    static let interval = Duration.seconds(10)
    /// How far back a new leader looks for alerts that go on, in seconds.
    static let memory: Int64 = 7 * 86_400

    let model: ReadModel
    let feeds: FeedHub
    let live: ManagerPresence
    let events: any EventExchange
    /// Told of them, too.
    let webhook: AlertWebhook?
    let log: Logger

    /// Until cancelled. Whatever a leader before has told of goes on or ends.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let webhook { group.addTask { try await webhook.run { self.events.publish($0, id: nil) } } }
            group.addTask { try await self.watch() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// What the receiver will never be told.
    private func tellLosses(of webhook: AlertWebhook) {
        let count = webhook.takeLosses()
        guard count > 0 else { return }
        log.error(
            "the ends of alerts are not told to a receiver that has been away for too long",
            metadata: ["url": "\(webhook.shownURL)", "count": "\(count)"])
        events.publish(
            EngineEvent(
                type: "daemon", action: "alerts-untold", actorID: "",
                attributes: ["count": "\(count)", "receiver": webhook.shownURL]), id: nil)
    }

    private func watch() async throws {
        let since = Timestamp.now.advanced(bySeconds: -Self.memory)
        var machine = AlertMachine(restoring: await events.recent(AlertMachine.Change.eventType, since: since))
        // The leader before may not have come to it: what goes on is told anew.
        var posts = AlertPosts(restored: machine.firing.keys)
        while true {
            try await Task.sleep(for: Self.interval)
            let state = model.objects
            // Without a quorum nobody knows whether it is still so.
            if state.isStale { continue }
            let samples = AlertSamples(state: state, board: feeds.board, present: live.state.present, now: .now)
            let book = AlertBook(state, at: samples.now)
            let rules = book.active
            let values = samples.values(ofAll: Set(rules.map(\.metric)))
            var ended: [Alert] = []
            for change in machine.look(rules, at: samples.now, { values[$0] ?? [] }) {
                let alert = change.alert
                if alert.endsAt != nil { ended.append(alert) }
                log.notice(
                    alert.endsAt == nil ? "alert" : "alert is over",
                    metadata: ["name": "\(alert.name)", "what": "\(alert.summary)"])
                var event = change.event
                event.attributes["silence"] = book.silence(of: alert)?.id
                events.publish(event, id: nil)
            }
            guard let webhook else { continue }
            let firing = machine.firing.values.sorted { $0.fingerprint < $1.fingerprint }
            for step in posts.steps(
                ended: ended, firing: firing, room: webhook.room, isSilenced: { book.silence(of: $0) != nil })
            {
                switch step {
                case .tell(let alert): webhook.tell(alert)
                case .withdraw(let fingerprint): webhook.withdraw(fingerprint)
                }
            }
            tellLosses(of: webhook)
        }
    }
}
