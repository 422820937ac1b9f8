import DockerClient
import Templates
import Model

extension Command {
    static let alertSilence = Command(
        "alerts silence", arity: .atLeast(0),
        help: """
            Usage:  apus alerts silence [OPTIONS] [ALERT...]

            Keep alerts from being posted for a while. An ALERT is an id, or the name of a rule for all of its alerts

            Options:
                  --author string    Who wants it (default is the user's name)
                  --comment string   Why
                  --for duration     For how long (default 1h)
                  --label list       Of alerts with this label ("key=value"); of several labels all
                  --until string     Until this moment, in place of --for
            """
    ) { call in
        let flags = call.flags
        var silence = AlertSilenceRequest()
        silence.labels = flags.dictionary("label") ?? [:]
        silence.comment = flags.string("comment") ?? ""
        silence.createdBy = flags.string("author") ?? call.session.userName
        if let until = flags.text("until") {
            guard !flags.has("for") else { throw ExitError(1, "--for and --until contradict each other") }
            silence.endsAt = try Timestamps.parse(until, now: .now)
        } else {
            silence.seconds = try flags.duration("for").map { $0 / 1_000_000_000 } ?? 3600
            guard silence.seconds > 0 else { throw ExitError(1, "--for is at least a second") }
        }
        guard !call.arguments.isEmpty || !silence.labels.isEmpty else {
            throw ExitError(1, "a silence needs an alert or --label")
        }
        let client = try await call.client()
        let wanted = silence
        try await Batch.run(call.arguments.isEmpty ? [""] : call.arguments) { alert in
            var silence = wanted
            silence.alert = alert
            return try await client.json(.post("/alerts/silences", sending: silence))["ID"].text
        }
    }

    static let alertSilenceList = Command(
        "alerts silence ls", aliases: ["alerts silence list"], arity: .none,
        help: """
            Usage:  apus alerts silence ls [OPTIONS]

            List what keeps alerts from being posted

            Aliases:
              apus alerts silence ls, apus alerts silence list

            Options:
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -q, --quiet           Ids alone
            """
    ) { call in
        let silences = try await call.client().json(.get("/alerts/silences")).elements
        let listing = Listing(
            table: "table {{.ID}}\t{{.Alerts}}\t{{.EndsAt}}\t{{.CreatedBy}}\t{{.Comment}}",
            headers: [
                "ID": "SILENCE ID", "Alerts": "ALERTS", "EndsAt": "UNTIL", "CreatedBy": "BY", "Comment": "COMMENT",
                "CreatedAt": "CREATED",
            ])
        try listing.show(
            silences.map { silence in
                let spec = silence["Spec"]
                let alert = spec["Alert"].text
                let labels = LabelText.joined(spec["Labels"])
                return Row([
                    "ID": silence["ID"],
                    "Alerts": .string([alert, labels].filter { !$0.isEmpty }.joined(separator: ",")),
                    "EndsAt": spec["EndsAt"], "CreatedBy": spec["CreatedBy"], "Comment": spec["Comment"],
                    "CreatedAt": silence["CreatedAt"],
                ])
            }, format: call.flags.string("format"), isQuiet: call.flags.isSet("quiet"))
    }

    static let alertUnsilence = Command(
        "alerts unsilence", aliases: ["alerts silence rm"], arity: .atLeast(1),
        help: """
            Usage:  apus alerts unsilence SILENCE [SILENCE...]

            End silences: alerts that still go on are posted

            Aliases:
              apus alerts unsilence, apus alerts silence rm
            """
    ) { call in
        let client = try await call.client()
        try await Batch.run(call.arguments) { id in
            try await client.send(.delete("/alerts/silences/\(Request.part(id))"))
            return id
        }
    }
}
