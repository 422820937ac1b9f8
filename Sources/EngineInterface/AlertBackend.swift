package import Model

/// An alert as managers list it.
package struct AlertSummary: Codable, Sendable, Equatable, Identifiable {
    /// The fingerprint: 16 digits of base 16.
    package var id: String
    /// Its rule's.
    package var name: String
    package var severity: AlertRule.Severity
    /// The rule's sentence for people, with the value and the labels in it.
    package var summary: String
    /// Of the rule's metric, when it was told.
    package var value: Double
    package var labels: [String: String]
    /// When the condition began to hold.
    package var startsAt: Timestamp
    /// `nil` as long as it goes on.
    package var endsAt: Timestamp?
    /// What keeps it from being posted; of several the one that lasts longest.
    package var silence: AlertSilence?

    package init(
        id: String, name: String, severity: AlertRule.Severity, summary: String, value: Double,
        labels: [String: String], startsAt: Timestamp, endsAt: Timestamp?, silence: AlertSilence?
    ) {
        self.endsAt = endsAt
        self.id = id
        self.labels = labels
        self.name = name
        self.severity = severity
        self.silence = silence
        self.startsAt = startsAt
        self.summary = summary
        self.value = value
    }
}

/// A rule and where it comes from.
package struct AlertRuleSummary: Codable, Sendable, Equatable {
    /// Whose rule it is.
    package enum Origin: String, Codable, Sendable {
        case shipped
        /// Shipped, and changed by the operator.
        case changed
        case own
    }

    package var rule: AlertRule
    package var origin: Origin
    /// It is not looked at.
    package var disabled: Bool

    package init(_ rule: AlertRule, origin: Origin, disabled: Bool) {
        self.disabled = disabled
        self.origin = origin
        self.rule = rule
    }
}

/// Alerts, their rules and silences, as managers answer. Faults: ``AlertError``, and ``SwarmError`` on a node that is no manager.
package protocol AlertBackend: Sendable {
    /// What needs somebody, as far as this manager has been told; the ones that began last first.
    /// - Parameter all: With those that are over, of the last seven days.
    func alerts(all: Bool) async throws -> [AlertSummary]

    /// Those that are not over.
    func alertSilences() async throws -> [AlertSilence]
    /// - Returns: The silence's id.
    func silenceAlerts(_ request: AlertSilenceRequest) async throws -> String
    /// - Parameter reference: The silence's id or the beginning of it.
    func endAlertSilence(_ reference: String) async throws

    /// All rules that there are, those that are switched off among them.
    func alertRules() async throws -> [AlertRuleSummary]
    /// Adds a rule, or changes the one of its name; it is looked at from then on.
    func saveAlertRule(_ request: AlertRuleRequest) async throws
    /// Switches a rule off or on.
    func switchAlertRule(_ name: String, on: Bool) async throws
    /// Takes away a rule, or what was changed of a shipped one.
    func removeAlertRule(_ name: String) async throws
}
