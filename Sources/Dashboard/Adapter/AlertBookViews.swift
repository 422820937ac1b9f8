package import EngineInterface
import Model

extension DashboardAlertBook {
    /// So many of the alerts that are over are shown.
    private static let mostOver = 100

    /// - Parameter alerts: Of this node, as a manager.
    package init(_ alerts: any AlertBackend) async throws {
        self.init()
        rules = try await alerts.alertRules().map { AlertRuleView($0) }
        silences = try await alerts.alertSilences().map { AlertSilenceView($0) }
        let over = try await alerts.alerts(all: true).compactMap { alert in
            alert.endsAt.map { AlertOverView(alert, until: $0) }
        }
        self.over = Array(over.sorted { $0.until > $1.until }.prefix(Self.mostOver))
    }
}

extension AlertRuleView {
    fileprivate init(_ summary: AlertRuleSummary) {
        self.init()
        name = summary.rule.name
        metric = summary.rule.metric.rawValue
        comparison = summary.rule.comparison.rawValue
        threshold = summary.rule.threshold
        seconds = summary.rule.seconds
        severity = summary.rule.severity.rawValue
        origin = summary.origin.rawValue
        isOff = summary.disabled
    }
}

extension AlertSilenceView {
    fileprivate init(_ silence: AlertSilence) {
        self.init(id: silence.id)
        alert = silence.spec.alert
        labels = silence.spec.labels
        until = silence.spec.endsAt.milliseconds
        by = silence.spec.createdBy
        comment = silence.spec.comment
    }
}

extension AlertOverView {
    fileprivate init(_ alert: AlertSummary, until end: Timestamp) {
        self.init(id: alert.id)
        rule = alert.name
        severity = alert.severity.rawValue
        text = alert.summary
        since = alert.startsAt.milliseconds
        until = end.milliseconds
    }
}
