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
            if let webhook { group.addTask { try await webhook.run() } }
            group.addTask { try await self.watch() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func watch() async throws {
        let since = Timestamp.now.advanced(bySeconds: -Self.memory)
        var machine = AlertMachine(
            restoring: await events.recent(AlertMachine.Change.eventType, since: since), rules: AlertRule.shipped)
        // The leader before may not have come to it.
        for alert in machine.firing.values { webhook?.tell(alert) }
        while true {
            try await Task.sleep(for: Self.interval)
            let state = model.objects
            // Without a quorum nobody knows whether it is still so.
            if state.isStale { continue }
            let samples = AlertSamples(state: state, board: feeds.board, present: live.state.present, now: .now)
            for change in machine.look(AlertRule.shipped, at: samples.now, samples.values(of:)) {
                let alert = change.alert
                log.notice(
                    alert.endsAt == nil ? "alert" : "alert is over",
                    metadata: ["name": "\(alert.rule.name)", "what": "\(alert.summary)"])
                events.publish(change.event, id: nil)
                webhook?.tell(alert)
            }
        }
    }
}
