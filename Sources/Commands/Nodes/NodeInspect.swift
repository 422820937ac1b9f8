import DockerClient
import Templates

extension Command {
    static let nodeInspect = Command(
        "node inspect", arity: .atLeast(1),
        help: """
            Usage:  apus node inspect [OPTIONS] self|NODE [NODE...]

            Display detailed information on one or more nodes

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
            throw ExitError(1, "cannot supply extra formatting options to the pretty template")
        }
        func look(_ name: String) async throws -> [UInt8] {
            try await client.bytes(.get(NodePath.of(try await NodePath.resolved(name, client))))
        }
        guard isPretty else {
            return try await Inspection(format: flags.string("format"), isOrdered: true).show(call.arguments, look)
        }
        try await Batch.run(call.arguments) { name in NodePretty.text(try JSON(parsing: try await look(name))) }
    }
}

/// A node for people.
enum NodePretty {
    static func text(_ node: JSON) -> String {
        let description = node["Description"]
        let spec = node["Spec"]
        var text = "ID:\t\t\t\(node["ID"].text)\n"
        if let name = spec["Name"].string, !name.isEmpty { text += "Name:\t\t\t\(name)\n" }
        let labels = spec["Labels"].members.sorted { $0.name < $1.name }
        if !labels.isEmpty { text += "Labels:\n" + labels.map { " - \($0.name)=\($0.value.text)\n" }.joined() }
        text += "Hostname:              \t\(description["Hostname"].text)\n"
        text += "Joined at:             \t\(Timestamps.goText(node["CreatedAt"].text).lowercased())\n"
        text += "Status:\n State:\t\t\t\(TaskTable.title(node["Status"]["State"].text))\n"
        let message = node["Status"]["Message"].text
        if !message.isEmpty { text += " Message:              \t\(TaskTable.title(message))\n" }
        text += " Availability:         \t\(TaskTable.title(spec["Availability"].text))\n"
        let address = node["Status"]["Addr"].text
        if !address.isEmpty { text += " Address:\t\t\(address)\n" }
        let manager = node["ManagerStatus"]
        if !manager.isNull {
            text += "Manager Status:\n Address:\t\t\(manager["Addr"].text)\n"
            text += " Raft Status:\t\t\(TaskTable.title(manager["Reachability"].text))\n"
            text += " Leader:\t\t\(manager["Leader"].isTrue ? "Yes" : "No")\n"
        }
        text += "Platform:\n Operating System:\t\(description["Platform"]["OS"].text)\n"
        text += " Architecture:\t\t\(description["Platform"]["Architecture"].text)\n"
        let cpus = (description["Resources"]["NanoCPUs"].integer ?? 0) / 1_000_000_000
        text += "Resources:\n CPUs:\t\t\t\(cpus)\n"
        text += " Memory:\t\t\(Units.binarySize(description["Resources"]["MemoryBytes"].double ?? 0))\n"
        text += plugins(description["Engine"]["Plugins"].elements)
        text += "Engine Version:\t\t\(description["Engine"]["EngineVersion"].text)\n"
        let engine = description["Engine"]["Labels"].members
        if !engine.isEmpty {
            text += "Engine Labels:\n" + engine.map { " - \($0.name)=\($0.value.text)\n" }.joined()
        }
        let tls = description["TLSInfo"]
        if !tls["TrustRoot"].text.isEmpty {
            text += "TLS Info:\n TrustRoot:\n\(tls["TrustRoot"].text)\n"
            text += " Issuer Subject:\t\(tls["CertIssuerSubject"].text)\n"
            text += " Issuer Public Key:\t\(tls["CertIssuerPublicKey"].text)\n"
        }
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    private static func plugins(_ plugins: [JSON]) -> String {
        var byType: [String: [String]] = [:]
        for plugin in plugins { byType[plugin["Type"].text, default: []].append(plugin["Name"].text) }
        guard !byType.isEmpty else { return "" }
        var text = "Plugins:\n"
        for type in byType.keys.sorted() {
            let names = (byType[type] ?? []).sorted().joined(separator: ", ")
            text += " \(type):\t\t\(names)\n"
        }
        return text
    }
}
