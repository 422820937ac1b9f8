import DockerClient
package import Model
package import Templates

extension Command {
    static let alertRuleAdd = Command(
        "alerts rule add", arity: .between(2, 4),
        help: """
            Usage:  apus alerts rule add [OPTIONS] NAME "METRIC OPERATOR VALUE"

            Add a rule, or change the one of this name: >, <, >=, <=, == and != compare a metric of docs/alerts.md with a value

            Options:
                  --for duration      How long it has to hold (default 0s)
                  --severity string   How much it matters ("warning", "critical") (default "warning")
                  --summary string    For people; {node_name}, {service_name} and {value} are filled in
            """
    ) { call in
        var rule = try AlertExpression.parse(call.arguments.dropFirst().joined(separator: " "))
        rule.name = call.arguments.first ?? ""
        rule.seconds = try call.flags.duration("for").map { $0 / 1_000_000_000 } ?? 0
        rule.severity = call.flags.string("severity") ?? "warning"
        rule.summary = call.flags.string("summary") ?? ""
        try await call.client().send(.post("/alerts/rules", sending: rule))
        Console.line(rule.name)
    }

    static let alertRuleList = Command(
        "alerts rule ls", aliases: ["alerts rule list"], arity: .none,
        help: """
            Usage:  apus alerts rule ls [OPTIONS]

            List the rules of alerts: those that are shipped and the operator's

            Aliases:
              apus alerts rule ls, apus alerts rule list

            Options:
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Names alone
            """
    ) { call in
        let rules = try await call.client().json(.get("/alerts/rules")).elements
        try AlertRuleRow.listing.show(
            rules.map(AlertRuleRow.row), format: call.flags.string("format"), isQuiet: call.flags.isSet("quiet"))
    }

    static let alertRuleRemove = Command(
        "alerts rule rm", aliases: ["alerts rule remove"], arity: .atLeast(1),
        help: """
            Usage:  apus alerts rule rm NAME [NAME...]

            Remove rules; one that was shipped and changed is as it was shipped then

            Aliases:
              apus alerts rule rm, apus alerts rule remove
            """
    ) { call in
        let client = try await call.client()
        try await Batch.run(call.arguments) { name in
            try await client.send(.delete(AlertRuleRow.path(name)))
            return name
        }
    }

    static let alertRuleDisable = switching("disable", "Look at rules no more")
    static let alertRuleEnable = switching("enable", "Look at rules again")

    private static func switching(_ action: String, _ summary: String) -> Command {
        Command(
            "alerts rule \(action)", arity: .atLeast(1),
            help: "Usage:  apus alerts rule \(action) NAME [NAME...]\n\n\(summary)"
        ) { call in
            let client = try await call.client()
            try await Batch.run(call.arguments) { name in
                try await client.send(.post("\(AlertRuleRow.path(name))/\(action)"))
                return name
            }
        }
    }
}

/// What `apus alerts rule ls` shows of each rule that `GET /alerts/rules` tells.
package enum AlertRuleRow {
    package static let listing = Listing(
        table: "table {{.Name}}\t{{.State}}\t{{.Expression}}\t{{.For}}\t{{.Severity}}\t{{.Origin}}",
        quiet: "{{.Name}}",
        headers: [
            "Name": "NAME", "State": "STATE", "Expression": "EXPRESSION", "For": "FOR", "Severity": "SEVERITY",
            "Origin": "ORIGIN", "Summary": "SUMMARY",
        ])

    static func path(_ name: String) -> String { "/alerts/rules/\(Request.part(name))" }

    /// - Parameter given: An element of the answer.
    package static func row(_ given: JSON) -> Row {
        let rule = given["Rule"]
        let threshold = rule["Threshold"].double ?? 0
        let value = Int64(exactly: threshold).map(String.init) ?? "\(threshold)"
        return Row([
            "Name": rule["Name"], "State": .string(given["Disabled"] == .bool(true) ? "disabled" : "enabled"),
            "Expression": .string("\(rule["Metric"].text) \(rule["Comparison"].text) \(value)"),
            "For": .string(duration(rule["Seconds"].integer ?? 0)), "Severity": rule["Severity"],
            "Origin": given["Origin"], "Summary": rule["Summary"],
        ])
    }

    /// As Go prints durations, without parts that are zero.
    private static func duration(_ seconds: Int64) -> String {
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")].filter { $0.0 != 0 }
        return parts.isEmpty ? "0s" : parts.map { "\($0.0)\($0.1)" }.joined()
    }
}

/// `metric op value`, with or without spaces.
package enum AlertExpression {
    /// - Throws: For what is no such text. Whether there is such a metric, the manager says.
    package static func parse(_ text: String) throws -> AlertRuleRequest {
        let metric = text.prefix { !isOperator($0) }
        let comparison = text.dropFirst(metric.count).prefix(while: isOperator)
        let value = text.dropFirst(metric.count + comparison.count)
        func trimmed(_ part: Substring) -> String { part.split(separator: " ").joined(separator: " ") }
        var rule = AlertRuleRequest()
        rule.metric = trimmed(metric)
        rule.comparison = String(comparison)
        guard !rule.metric.isEmpty, !comparison.isEmpty, let threshold = Double(trimmed(value)), threshold.isFinite
        else {
            throw ExitError(1, "invalid rule \(GoText.quoted(text)): must be as in \"node_disk_free_ratio < 0.2\"")
        }
        rule.threshold = threshold
        return rule
    }

    private static func isOperator(_ character: Character) -> Bool { "<>=!".contains(character) }
}
