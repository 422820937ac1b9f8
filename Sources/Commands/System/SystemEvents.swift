import DockerClient
import Model
package import Templates

enum SystemCommands {
    static let all: [Command] = [
        .systemDisk, .systemEvents, .systemInfo, .systemPrune, .systemTop, .systemVersion, .inspect,
    ]
}

extension Command {
    static let systemEvents = Command(
        "system events", aliases: ["events"], arity: .none,
        help: """
            Usage:  apus system events [OPTIONS]

            Get real time events from the server

            Aliases:
              apus system events, apus events

            Options:
                  --cluster         Of all nodes of the swarm, and of tasks (on managers)
                  --cursor string   Go on after the event that had this cursor
              -f, --filter filter   Only those that fit
                  --format string   'json', or a Go 'TEMPLATE'
                  --since string    From this moment on
                  --until string    Up to this moment
            """
    ) { call in
        let flags = call.flags
        var query: [(String, String)] = []
        let format = flags.string("format") ?? ""
        let template = format.isEmpty ? nil : try EventText.template(format)
        for name in ["since", "until"] {
            guard let text = flags.string(name), !text.isEmpty else { continue }
            query.append((name, try Timestamps.parameter(text)))
        }
        if let cursor = flags.string("cursor") { query.append(("cursor", cursor)) }
        query += FilterArguments.query(flags.list("filter") + (flags.isSet("cluster") ? ["scope=cluster"] : []))
        try await call.client().values(.get("/events", query)) { event in
            if let template {
                Console.line(try template.render(.data(event)))
            } else {
                Console.line(EventText.line(event))
            }
        }
    }
}

/// An event of `GET /events` for people.
package enum EventText {
    /// The template of a `--format`, which has been tried on an event without anything in it.
    static func template(_ format: String) throws -> Template {
        do {
            let template = try Template(format == "json" ? "{{json .}}" : format)
            _ = try template.render(
                .data([
                    "status": "", "id": "", "from": "", "Type": "", "Action": "",
                    "Actor": ["ID": "", "Attributes": .object([])], "scope": "", "time": 0, "timeNano": 0,
                    "eventID": "", "cursor": "",
                ]))
            return template
        } catch { throw ExitError(64, "Error parsing format: \(error)") }
    }

    /// `2026-11-23T06:21:08.696854704Z node update wulp8m106… (name=node-1, state.new=ready)`
    package static func line(_ event: JSON) -> String {
        let timestamp = Timestamp(nanosecondsSinceEpoch: event["timeNano"].integer ?? 0).fixedWidth
        let actor = event["Actor"]
        let head = "\(timestamp) \(event["Type"].text) \(event["Action"].text) \(actor["ID"].text)"
        let attributes = actor["Attributes"].members.sorted { $0.name < $1.name }
        guard !attributes.isEmpty else { return head }
        return head + " (" + attributes.map { "\($0.name)=\($0.value.text)" }.joined(separator: ", ") + ")"
    }
}
