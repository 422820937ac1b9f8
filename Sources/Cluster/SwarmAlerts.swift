package import EngineInterface
import LinuxSystem
package import Model
import Orchestration
import StateStore

/// Alerts, rules and silences as this node answers when it is a manager. The swarm's store has rules and silences; what fires is what this
/// manager has been told of in events.
package struct SwarmAlerts: AlertBackend {
    private let swarm: Swarm

    package init(_ swarm: Swarm) { self.swarm = swarm }

    package func alerts(all: Bool) async throws -> [AlertSummary] {
        let model = try await swarm.manager().model
        let known = try await told()
        let book = AlertBook(model.objects, at: .now)
        return known.filter { all || $0.endsAt == nil }.map { alert in
            AlertSummary(
                id: alert.fingerprint, name: alert.name, severity: alert.severity, summary: alert.summary,
                value: alert.value, labels: alert.labels, startsAt: alert.startsAt, endsAt: alert.endsAt,
                silence: book.silence(of: alert))
        }
    }

    /// The last word on each alert, the ones that began last first.
    private func told() async throws -> [Alert] {
        guard let events = swarm.configuration.events else { return [] }
        let since = Timestamp.now.advanced(bySeconds: -AlertWatch.memory)
        var alerts: [String: Alert] = [:]
        for event in await events.recent(AlertMachine.Change.eventType, since: since) {
            if let alert = Alert(event) { alerts[alert.fingerprint] = alert }
        }
        return alerts.values.sorted { ($0.startsAt, $0.fingerprint) > ($1.startsAt, $1.fingerprint) }
    }

    // MARK: Silences

    package func alertSilences() async throws -> [AlertSilence] {
        AlertBook(try await swarm.manager().model.objects, at: .now).silences
    }

    package func silenceAlerts(_ request: AlertSilenceRequest) async throws -> String {
        let manager = try await swarm.manager()
        let known = try await told()
        let now = Timestamp.now
        guard (0...AlertBook.longestSilence).contains(request.seconds) else {
            throw AlertError.endOutOfRange(longestSeconds: AlertBook.longestSilence)
        }
        let spec = request.spec(now: now)
        var silence = AlertSilence(id: RandomID.swarm(), spec)
        silence.createdAt = now
        silence.updatedAt = now
        try await manager.guarded { state in
            let book = AlertBook(state, at: now)
            silence.spec = try Self.resolved(spec, known, book)
            try AlertBook.check(silence.spec, at: now)
            guard book.silences.count < AlertBook.mostSilences else {
                throw AlertError.tooManySilences(most: AlertBook.mostSilences)
            }
            var transaction = StoreTransaction(puts: [.init(silence.key, try silence.storedBytes)])
            // Whoever adds one sweeps up: nothing else has to look for what is over.
            for over in state.alertSilences.values.filter({ $0.spec.endsAt <= now }).prefix(Self.mostSwept) {
                transaction.delete(over.key)
            }
            return transaction
        }
        return silence.id
    }

    private static let mostSwept = 100

    /// Silences one alert from now on, as the dashboard does it.
    /// - Parameters:
    ///   - alert: As ``AlertSilenceRequest`` has it.
    ///   - author: Who wants it.
    package func silence(_ alert: String, minutes: Int, by author: String) async throws {
        var request = AlertSilenceRequest()
        request.alert = alert
        let (seconds, isTooMuch) = Int64(clamping: minutes).multipliedReportingOverflow(by: 60)
        request.seconds = isTooMuch ? .max : seconds
        request.createdBy = author
        guard seconds > 0 else { throw AlertError.endOutOfRange(longestSeconds: AlertBook.longestSilence) }
        _ = try await silenceAlerts(request)
    }

    /// Until when alerts that go on are silenced, by their fingerprints; nothing on a node that is no manager.
    package func silencedUntil() async -> [String: Timestamp] {
        do {
            let silenced = try await alerts(all: false).compactMap { alert in
                alert.silence.map { (alert.id, $0.spec.endsAt) }
            }
            return Dictionary(silenced) { first, _ in first }
        } catch {
            // No manager, or not yet: nothing is known of silences.
            return [:]
        }
    }

    /// With the alert's whole fingerprint, or with its rule's name among the labels.
    private static func resolved(_ spec: AlertSilenceSpec, _ known: [Alert], _ book: AlertBook) throws
        -> AlertSilenceSpec
    {
        let reference = spec.alert
        guard !reference.isEmpty else { return spec }
        var spec = spec
        let found = known.filter { $0.fingerprint.hasPrefix(reference) }.map(\.fingerprint)
        if found.contains(reference) || found.count == 1 {
            spec.alert = found.first ?? reference
        } else if found.count > 1 {
            throw AlertError.ambiguous(reference)
        } else {
            guard book.rules.contains(where: { $0.rule.name == reference }) else {
                throw AlertError.alertNotFound(reference)
            }
            spec.alert = ""
            spec.labels["alertname"] = reference
        }
        return spec
    }

    package func endAlertSilence(_ reference: String) async throws {
        try await swarm.manager().guarded { state in
            let book = AlertBook(state, at: .now)
            let found = book.silences.filter { $0.id.hasPrefix(reference) }
            guard !reference.isEmpty, let silence = found.first(where: { $0.id == reference }) ?? found.first else {
                throw AlertError.silenceNotFound(reference)
            }
            guard silence.id == reference || found.count == 1 else { throw AlertError.ambiguous(reference) }
            return StoreTransaction(deletes: [silence.key])
        }
    }

    // MARK: Rules

    package func alertRules() async throws -> [AlertRuleSummary] {
        AlertBook(try await swarm.manager().model.objects, at: .now).rules
    }

    package func saveAlertRule(_ request: AlertRuleRequest) async throws {
        let rule = try AlertBook.rule(request)
        try await save(rule.name) { _, _ in (rule, false) }
    }

    package func switchAlertRule(_ name: String, on: Bool) async throws {
        try await save(name) { book, _ in
            guard let known = book.rules.first(where: { $0.rule.name == name }) else {
                throw AlertError.ruleNotFound(name)
            }
            return (known.rule, !on)
        }
    }

    /// Keeps what becomes of a rule; nothing is kept of one that is as it was shipped.
    private func save(
        _ name: String, _ change: (AlertBook, OperatorAlertRule?) throws -> (rule: AlertRule, disabled: Bool)
    ) async throws {
        try await swarm.manager().guarded { state in
            let book = AlertBook(state, at: .now)
            let present = state.alertRules[name]
            try Self.checkReadable(name, state)
            let (rule, disabled) = try change(book, present)
            var kept = present ?? OperatorAlertRule(rule)
            if kept.rule == rule, kept.disabled == disabled, present != nil { return StoreTransaction() }
            if !disabled, AlertRule.shipped.contains(rule) {
                return StoreTransaction(deletes: present.map { [$0.key] } ?? [])
            }
            guard present != nil || state.alertRules.count < AlertBook.mostRules else {
                throw AlertError.tooManyRules(most: AlertBook.mostRules)
            }
            if present == nil { kept.createdAt = .now }
            kept.rule = rule
            kept.disabled = disabled
            kept.updatedAt = .now
            return StoreTransaction(puts: [.init(kept.key, try kept.storedBytes)])
        }
    }

    package func removeAlertRule(_ name: String) async throws {
        try await swarm.manager().guarded { state in
            try Self.checkReadable(name, state)
            guard let present = state.alertRules[name] else {
                throw AlertRule.shipped.contains { $0.name == name }
                    ? AlertError.ruleIsShipped(name) : AlertError.ruleNotFound(name)
            }
            return StoreTransaction(deletes: [present.key])
        }
    }

    /// What a newer version has written is left as it is.
    private static func checkReadable(_ name: String, _ state: SwarmState) throws {
        if let unread = state.unread[StoreKey(.alertRules, id: name)] {
            throw ClusterError(.badObject, "alert rule \(name) cannot be read: \(unread.reason)")
        }
    }
}
