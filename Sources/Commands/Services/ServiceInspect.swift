import DockerClient
package import Templates

extension Command {
    static let serviceInspect = Command(
        "service inspect", arity: .atLeast(1),
        help: """
            Usage:  apus service inspect [OPTIONS] SERVICE [SERVICE...]

            Display detailed information on one or more services

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
                  --pretty          For people rather than programs
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let isPretty = flags.isSet("pretty") || flags.string("format") == "pretty"
        guard !flags.isSet("pretty") || flags.text("format") == nil else {
            throw ExitError(1, "--format is incompatible with human friendly format")
        }
        if let format = flags.string("format"), format.hasPrefix("pretty"), format != "pretty" {
            throw ExitError(1, "Cannot supply extra formatting options to the pretty template")
        }
        func look(_ name: String) async throws -> [UInt8] {
            do { return try await client.bytes(.get(ServicePath.of(name), [("insertDefaults", "true")])) } catch let
                error as DockerError where error.isNotFound
            { throw ExitError(1, "Error: no such service: \(name)") }
        }
        guard isPretty else {
            return try await Inspection(format: flags.string("format"), isOrdered: true).show(call.arguments) { name in
                do { return try await look(name) } catch let error as ExitError { throw PlainError(error.message) }
            }
        }
        var networks: [String: String]?
        try await Batch.run(call.arguments) { name in
            let service = try JSON(parsing: try await look(name))
            if networks == nil {
                let all = try await client.json(.get("/networks")).elements
                networks = Dictionary(all.map { ($0["Id"].text, $0["Name"].text) }) { $1 }
            }
            return ServicePretty.text(service, networks: networks ?? [:])
        }
    }
}

/// A service for people.
package enum ServicePretty {
    /// - Parameter networks: Names by ids.
    package static func text(_ service: JSON, networks: [String: String]) -> String {
        let spec = service["Spec"]
        let task = spec["TaskTemplate"]
        var text = "\nID:\t\t\(service["ID"].text)\nName:\t\t\(spec["Name"].text)\n"
        let labels = spec["Labels"].members.sorted { $0.name < $1.name }
        if !labels.isEmpty {
            text += "Labels:\n" + labels.map { " " + pair($0, "=") + "\n" }.joined()
        }
        text += "Service Mode:\t" + mode(spec["Mode"])
        let update = service["UpdateStatus"]
        if !update["State"].text.isEmpty {
            text += "UpdateStatus:\n State:\t\t\(update["State"].text)\n"
            let started = update["StartedAt"].text
            if !started.isEmpty { text += " Started:\t\(Units.ago(started).lowercased())\n" }
            if update["State"].text == "completed" {
                text += " Completed:\t\(Units.ago(update["CompletedAt"].text).lowercased())\n"
            }
            text += " Message:\t\(update["Message"].text)\n"
        }
        text += placement(task["Placement"])
        text += updates("Update", spec["UpdateConfig"]) + updates("Rollback", spec["RollbackConfig"])
        text += "ContainerSpec:\n" + container(task["ContainerSpec"])
        text += logDriver(task["LogDriver"]) + resources(task["Resources"])
        let attached = task["Networks"].elements.isEmpty ? spec["Networks"].elements : task["Networks"].elements
        if !attached.isEmpty {
            let names = attached.map { networks[$0["Target"].text] ?? $0["Target"].text }
            text += "Networks: " + names.map { "\($0) " }.joined() + "\n"
        }
        text += "Endpoint Mode:\t\(service["Endpoint"]["Spec"]["Mode"].text)\n"
        let ports = service["Endpoint"]["Ports"].elements
        // A blank at the end, as docker's template leaves one.
        if !ports.isEmpty { text += "Ports:\n" + ports.map(self.port).joined(separator: "\n") + " \n" }
        return text + (task["ContainerSpec"]["Healthcheck"].isNull ? "" : health(task["ContainerSpec"]["Healthcheck"]))
    }

    /// A name and, unless it is empty, its value.
    private static func pair(_ member: JSON.Member, _ separator: String) -> String {
        member.value.text.isEmpty ? member.name : member.name + separator + member.value.text
    }

    private static func port(_ port: JSON) -> String {
        var text = " PublishedPort = \(port["PublishedPort"].unsigned)\n  Protocol = \(port["Protocol"].text)\n"
        text += "  TargetPort = \(port["TargetPort"].unsigned)\n  PublishMode = \(port["PublishMode"].text)"
        let places = port["PublishedOn"].elements.map(\.text)
        if !places.isEmpty { text += "\n  PublishedOn = \(places.joined(separator: ", "))" }
        if port["OnlyLocal"].isTrue { text += "\n  OnlyLocal = true" }
        if !port["Affinity"].text.isEmpty { text += "\n  Affinity = \(port["Affinity"].text)" }
        return text
    }

    private static func logDriver(_ driver: JSON) -> String {
        guard !driver.isNull else { return "" }
        var text = "Log Driver:\n"
        if !driver["Name"].text.isEmpty { text += " Name:\t\t\(driver["Name"].text)\n" }
        let options = driver["Options"].members.sorted { $0.name < $1.name }
        if !options.isEmpty {
            text += " LogOpts:\n" + options.map { "  " + pair($0, ":       ") + "\n" }.joined()
        }
        return text + "\n"
    }

    private static func mode(_ mode: JSON) -> String {
        if !mode["Global"].isNull { return "Global\n" }
        if !mode["Replicated"].isNull {
            let replicas = mode["Replicated"]["Replicas"]
            return "Replicated\n" + (replicas.isNull ? "" : " Replicas:\t\(replicas.unsigned)\n")
        }
        if !mode["ReplicatedJob"].isNull {
            return "ReplicatedJob\n Max Concurrent:\t\(mode["ReplicatedJob"]["MaxConcurrent"].unsigned)\n"
                + " Total Completions:\t\(mode["ReplicatedJob"]["TotalCompletions"].unsigned)\n"
        }
        return "GlobalJob\n"
    }

    private static func placement(_ placement: JSON) -> String {
        var text = "Placement:\n"
        let constraints = placement["Constraints"].strings
        if !constraints.isEmpty { text += " Constraints:\t[\(constraints.joined(separator: " "))]\n" }
        let preferences = placement["Preferences"].elements.map { $0["Spread"]["SpreadDescriptor"].text }
        if !preferences.isEmpty {
            text += " Preferences:   [" + preferences.map { "spread=\($0)" }.joined(separator: " ") + "]\n"
        }
        let most = placement["MaxReplicas"].unsigned
        return most > 0 ? text + " Max Replicas Per Node:   \(most)\n" : text
    }

    private static func updates(_ title: String, _ configuration: JSON) -> String {
        guard !configuration.isNull else { return "" }
        var text = "\(title)Config:\n Parallelism:\t\(configuration["Parallelism"].unsigned)\n"
        let delay = configuration["Delay"].integer ?? 0
        if delay != 0 { text += " Delay:\t\t\(GoDuration.text(delay))\n" }
        text += " On failure:\t\(configuration["FailureAction"].text)\n"
        let monitor = configuration["Monitor"].integer ?? 0
        if monitor != 0 { text += " Monitoring Period: \(GoDuration.text(monitor))\n" }
        let ratio = Printing.number("%g", configuration["MaxFailureRatio"].double ?? 0)
        return text + " Max failure ratio: \(ratio)\n \(title) order:\(title == "Update" ? "      " : "    ")"
            + "\(configuration["Order"].text)\n"
    }

    private static func container(_ container: JSON) -> String {
        var text = " Image:\t\t\(container["Image"].text)\n"
        func line(_ title: String, _ member: String) {
            let elements = container[member].strings
            if !elements.isEmpty { text += " \(title):\t\t" + elements.map { "\($0) " }.joined() + "\n" }
        }
        line("Args", "Args")
        line("Env", "Env")
        if let directory = container["Dir"].string, !directory.isEmpty { text += " Dir:\t\t\(directory)\n" }
        if !container["Init"].isNull { text += " Init:\t\t\(container["Init"].isTrue)\n" }
        if let user = container["User"].string, !user.isEmpty { text += " User: \(user)\n" }
        text += rights(container)
        let mounts = container["Mounts"].elements
        if !mounts.isEmpty {
            text += "Mounts:\n"
            for mount in mounts {
                text += " Target:\t\(mount["Target"].text)\n  Source:\t\(mount["Source"].text)\n"
                text += "  ReadOnly:\t\(mount["ReadOnly"].isTrue)\n  Type:\t\t\(mount["Type"].text)\n"
            }
        }
        for (title, member, name) in [("Configs", "Configs", "ConfigName"), ("Secrets", "Secrets", "SecretName")] {
            let references = container[member].elements
            if !references.isEmpty {
                text += "\(title):\n"
                for reference in references {
                    text += " Target:\t\(reference["File"]["Name"].text)\n  Source:\t\(reference[name].text)\n"
                }
            }
        }
        return text
    }

    private static func rights(_ container: JSON) -> String {
        var text = ""
        for (title, member) in [("Add", "CapabilityAdd"), ("Drop", "CapabilityDrop")] {
            let names = container[member].strings
            if !names.isEmpty {
                text += (text.isEmpty ? "Capabilities:\n" : "") + " \(title): \(names.joined(separator: ", "))\n"
            }
        }
        let controls = container["Sysctls"].members.sorted { $0.name < $1.name }
        if !controls.isEmpty { text += "SysCtls:\n" + controls.map { " " + pair($0, ": ") + "\n" }.joined() }
        let limits = container["Ulimits"].elements.sorted { $0["Name"].text < $1["Name"].text }
        guard !limits.isEmpty else { return text }
        return text + "Ulimits:\n"
            + limits.map { " \($0["Name"].text): \($0["Soft"].integer ?? 0):\($0["Hard"].integer ?? 0)\n" }.joined()
    }

    private static func resources(_ resources: JSON) -> String {
        guard !resources.isNull else { return "" }
        var text = "Resources:\n"
        for title in ["Reservations", "Limits"] {
            let part = resources[title]
            let cpus = part["NanoCPUs"].double ?? 0
            let memory = part["MemoryBytes"].double ?? 0
            let pids = part["Pids"].integer ?? 0
            guard cpus > 0 || memory > 0 || pids > 0 else { continue }
            text += " \(title):\n"
            if cpus > 0 { text += "  CPU:\t\t\(Printing.number("%g", cpus / 1e9))\n" }
            if memory > 0 { text += "  Memory:\t\(Units.binarySize(memory))\n" }
            if pids > 0 { text += "  PIDs:\t\t\(pids)\n" }
        }
        return text
    }

    private static func health(_ health: JSON) -> String {
        func span(_ name: String) -> String { GoDuration.text(health[name].integer ?? 0) }
        return " Healthcheck:\n  Interval = \(span("Interval"))\n  Retries = \(health["Retries"].unsigned)\n"
            + "  StartPeriod =\t\(span("StartPeriod"))\n  Timeout =\t\(span("Timeout"))\n"
            + "  Tests:\n\t " + health["Test"].strings.map { "Test = \($0)" }.joined(separator: "\n\t ") + " \n"
    }
}
