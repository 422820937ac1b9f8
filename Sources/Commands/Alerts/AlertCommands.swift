import DockerClient
package import Templates

enum AlertCommands {
    static let all: [Command] = [
        .alertList, .alertSilence, .alertSilenceList, .alertUnsilence, .alertRuleAdd, .alertRuleDisable,
        .alertRuleEnable, .alertRuleList, .alertRuleRemove,
    ]
}

extension Command {
    static let alertList = Command(
        "alerts ls", aliases: ["alerts list"], arity: .none,
        help: """
            Usage:  apus alerts ls [OPTIONS]

            List what needs somebody in the swarm

            Aliases:
              apus alerts ls, apus alerts list, apus alerts

            Options:
              -a, --all             Those that are over, too
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Ids alone
            """
    ) { call in
        let query = call.flags.isSet("all") ? [("all", "1")] : []
        let alerts = try await call.client().json(.get("/alerts", query)).elements
        try AlertRow.listing.show(
            AlertRow.rows(alerts), format: call.flags.string("format"), isQuiet: call.flags.isSet("quiet"))
    }
}

/// What `apus alerts ls` shows of each alert that `GET /alerts` tells.
package enum AlertRow {
    package static let listing = Listing(
        table: "table {{.ID}}\t{{.Status}}\t{{.Severity}}\t{{.Name}}\t{{.Since}}\t{{.Summary}}",
        headers: [
            "ID": "ALERT ID", "Status": "STATUS", "Severity": "SEVERITY", "Name": "NAME", "Since": "SINCE",
            "Summary": "SUMMARY", "Node": "NODE", "Service": "SERVICE", "StartsAt": "STARTED", "EndsAt": "ENDED",
            "Silence": "SILENCE", "SilencedUntil": "SILENCED UNTIL", "SilencedBy": "SILENCED BY", "Comment": "COMMENT",
        ])

    /// Those that need somebody first, then the silenced ones, then what is over.
    package static func rows(_ alerts: [JSON]) -> [Row] {
        let order = ["firing", "silenced", "resolved"]
        return alerts.enumerated().sorted { left, right in
            (order.firstIndex(of: status(left.element)) ?? 0, left.offset)
                < (order.firstIndex(of: status(right.element)) ?? 0, right.offset)
        }.map { row($0.element) }
    }

    private static func status(_ alert: JSON) -> String {
        if !alert["EndsAt"].isNull { return "resolved" }
        return alert["Silence"].isNull ? "firing" : "silenced"
    }

    private static func row(_ alert: JSON) -> Row {
        let silence = alert["Silence"]
        return Row([
            "ID": alert["ID"], "Status": .string(status(alert)), "Severity": alert["Severity"], "Name": alert["Name"],
            "Since": .string(Units.ago(alert["StartsAt"].text)), "Summary": alert["Summary"],
            "Node": .string(alert["Labels"]["node_name"].text),
            "Service": .string(alert["Labels"]["service_name"].text),
            "StartsAt": alert["StartsAt"], "EndsAt": .string(alert["EndsAt"].text),
            "Silence": .string(silence["ID"].text), "SilencedUntil": .string(silence["Spec"]["EndsAt"].text),
            "SilencedBy": .string(silence["Spec"]["CreatedBy"].text),
            "Comment": .string(silence["Spec"]["Comment"].text),
        ])
    }
}
