import DockerClient
import Foundation
import Model
package import Templates

extension Command {
    static let systemAlerts = Command(
        "system alerts", aliases: ["alerts"], arity: .none,
        help: """
            Usage:  apus system alerts [OPTIONS]

            Show what needs somebody in the swarm

            Aliases:
              apus system alerts, apus alerts

            Options:
              -a, --all             Those that are over, too
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --since string    Those that have begun or ended from this moment on (default "168h")
                  --until string    As it was at this moment (default "0s")
            """
    ) { call in
        let flags = call.flags
        let now = Timestamp.now
        let since = try Timestamps.parameter(flags.string("since") ?? "168h", now: now)
        let until = try Timestamps.parameter(flags.string("until") ?? "0s", now: now)
        let query = [("since", since), ("until", until)] + FilterArguments.query(["type=alert"])
        var alerts = AlertList()
        try await call.client().values(.get("/events", query)) { event in alerts.take(event) }
        try AlertList.listing.show(alerts.rows(all: flags.isSet("all")), format: flags.string("format"))
    }
}

/// What events say of alerts: the last word on each counts.
package struct AlertList {
    static let listing = Listing(
        table: "table {{.Status}}\t{{.Severity}}\t{{.Name}}\t{{.Since}}\t{{.Summary}}",
        headers: [
            "ID": "ALERT ID", "Status": "STATUS", "Severity": "SEVERITY", "Name": "NAME", "Since": "SINCE",
            "Summary": "SUMMARY", "Node": "NODE", "Service": "SERVICE", "Ended": "ENDED",
        ])

    private var events: [String: JSON] = [:]

    package init() {}

    /// Takes in an event of `GET /events`, in order.
    package mutating func take(_ event: JSON) { events[event["Actor"]["ID"].text] = event }

    /// Those that need somebody first, and of each kind the one that began last.
    /// - Parameter all: With those that are over.
    package func rows(all: Bool) -> [Row] {
        func isFiring(_ event: JSON) -> Bool { event["Action"].text == "firing" }
        func since(_ event: JSON) -> String { event["Actor"]["Attributes"]["startsAt"].text }
        return events.values.filter { all || isFiring($0) }.sorted {
            (isFiring($0) ? 1 : 0, since($0)) > (isFiring($1) ? 1 : 0, since($1))
        }.map { event in
            let attributes = event["Actor"]["Attributes"]
            let ended =
                isFiring(event) ? "" : Timestamp(nanosecondsSinceEpoch: event["timeNano"].integer ?? 0).description
            return Row([
                "ID": event["Actor"]["ID"], "Status": event["Action"], "Severity": attributes["severity"],
                "Name": attributes["name"], "Since": .string(since(event)), "Summary": attributes["summary"],
                "Node": attributes["node.name"], "Service": attributes["service.name"], "Ended": .string(ended),
            ])
        }
    }
}
