/// What the page of alerts has beside what fires.
package struct DashboardAlertBook: Codable, Sendable, Equatable {
    /// The shipped ones, then the operator's own.
    package var rules: [AlertRuleView] = []
    /// Those that are not over, the one that lasts longest first.
    package var silences: [AlertSilenceView] = []
    /// Alerts that are over, the one that ended last first.
    package var over: [AlertOverView] = []
    package init() {}
}

/// A rule: `metric comparison threshold`, for so many seconds.
package struct AlertRuleView: Codable, Sendable, Equatable {
    package var name = ""
    package var metric = ""
    package var comparison = ""
    package var threshold = 0.0
    package var seconds: Int64 = 0
    /// As in ``AlertView``.
    package var severity = ""
    /// `shipped`, `changed` or `own`.
    package var origin = ""
    /// It is not looked at.
    package var isOff = false
    package init() {}
}

/// What keeps alerts from being told to receivers.
package struct AlertSilenceView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    /// The id of the one alert that it is of; empty for those that have the labels.
    package var alert = ""
    package var labels: [String: String] = [:]
    /// When it is over, in milliseconds since 1970.
    package var until: Int64 = 0
    package var by = ""
    package var comment = ""
    package init(id: String) { self.id = id }
}

/// An alert that is over.
package struct AlertOverView: Codable, Sendable, Equatable, Identifiable {
    package var id: String
    package var rule = ""
    package var severity = ""
    package var text = ""
    /// When it began and when it ended, in milliseconds since 1970.
    package var since: Int64 = 0
    /// See ``since``.
    package var until: Int64 = 0
    package init(id: String) { self.id = id }
}
