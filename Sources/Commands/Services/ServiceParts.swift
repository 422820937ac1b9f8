import DockerClient

/// Parts of a service's specification that `create` and `update` read from the same flags.
struct ServiceParts {
    let flags: ParsedFlags

    func text(_ name: String) -> JSON? { flags.string(name).map { .string($0) } }
    func number(_ name: String) -> JSON? { flags.integer(name).map { JSON($0) } }
    func unsigned(_ name: String) throws -> JSON? {
        try flags.string(name).map { JSON(try Numbers.parseUnsigned($0, bits: 64)) }
    }
    func duration(_ name: String) throws -> JSON? { try flags.string(name).map { JSON(try GoDuration.parse($0)) } }
    func bytes(_ name: String) throws -> JSON? { try flags.string(name).map { JSON(try ByteCount.parse($0)) } }
    func cpus(_ name: String) throws -> JSON? { try flags.string(name).map { JSON(try CPUCount.nanoseconds($0)) } }
    func texts(_ name: String) -> JSON? { flags.list(name).isEmpty ? nil : .strings(flags.list(name)) }
    func map(_ name: String) -> JSON? { flags.list(name).isEmpty ? nil : .map(GoText.dictionary(flags.list(name))) }
    func isSet(_ name: String) -> JSON? { flags.has(name) ? .bool(flags.isSet(name)) : nil }
    func words(_ name: String) throws -> JSON? {
        try flags.string(name).map { .strings(try ShellWords.split($0)) }
    }

    func hasAny(_ names: [String]) -> Bool { names.contains { flags.has($0) } }

    /// Sets a member for each flag that was given.
    func apply(_ settings: [(member: String, value: JSON?)], to object: inout JSON) {
        for (member, value) in settings {
            if let value { object[member] = value }
        }
    }

    // MARK: Updates, restarts, health

    /// - Parameter prefix: `update` or `rollback`.
    func updateConfiguration(_ prefix: String, over known: JSON) throws -> JSON? {
        let names = ["parallelism", "delay", "monitor", "failure-action", "max-failure-ratio", "order"]
        guard hasAny(names.map { "\(prefix)-\($0)" }) else { return nil }
        var result = known
        if result.isNull {
            result = [
                "Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000, "MaxFailureRatio": 0,
                "Order": "stop-first",
            ]
        }
        apply(
            [
                ("Parallelism", try unsigned("\(prefix)-parallelism")), ("Delay", try duration("\(prefix)-delay")),
                ("FailureAction", text("\(prefix)-failure-action")), ("Monitor", try duration("\(prefix)-monitor")),
                ("MaxFailureRatio", flags.string("\(prefix)-max-failure-ratio").map { .number($0) }),
                ("Order", text("\(prefix)-order")),
            ], to: &result)
        return result
    }

    func restartPolicy(over known: JSON) throws -> JSON? {
        guard hasAny(["restart-condition", "restart-delay", "restart-max-attempts", "restart-window"]) else {
            return nil
        }
        var result: JSON = known.isNull ? ["Condition": "any", "Delay": 5_000_000_000, "MaxAttempts": 0] : known
        apply(
            [
                ("Condition", text("restart-condition")), ("Delay", try duration("restart-delay")),
                ("MaxAttempts", try unsigned("restart-max-attempts")), ("Window", try duration("restart-window")),
            ], to: &result)
        return result
    }

    func health(over known: JSON) throws -> JSON? {
        let times = ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
        let hasOptions = hasAny(times + ["health-cmd", "health-retries"])
        if flags.isSet("no-healthcheck") {
            guard !hasOptions else { throw ExitError(1, "--no-healthcheck conflicts with --health-* options") }
            return ["Test": ["NONE"]]
        }
        guard hasOptions else { return nil }
        var result = known
        // A check that was taken away comes back with the options.
        if result["Test"].strings == ["NONE"] { result["Test"] = .null }
        apply(
            [
                ("Test", flags.string("health-cmd").map { $0.isEmpty ? [] : ["CMD-SHELL", .string($0)] }),
                ("Interval", try duration("health-interval")), ("Timeout", try duration("health-timeout")),
                ("Retries", number("health-retries")), ("StartPeriod", try duration("health-start-period")),
                ("StartInterval", try duration("health-start-interval")),
            ], to: &result)
        return result
    }

    func logDriver() throws -> JSON? {
        let options = flags.list("log-opt")
        guard let driver = flags.string("log-driver") else {
            guard options.isEmpty else { return ["Name": "", "Options": .map(GoText.dictionary(options))] }
            return nil
        }
        return .fields(["Name": .string(driver), "Options": options.isEmpty ? nil : .map(GoText.dictionary(options))])
    }

    // MARK: Placement and resources

    static func preference(_ text: String) throws -> JSON {
        let (strategy, value) = GoText.pair(text)
        guard strategy == "spread", let value else {
            throw ExitError(
                1,
                value == nil
                    ? "placement preference must be of the format \"<strategy>=<arg>\""
                    : "unsupported placement preference \(strategy) (only spread is supported)")
        }
        return ["Spread": ["SpreadDescriptor": .string(value)]]
    }

    static func genericResource(_ text: String) throws -> JSON {
        let (kind, value) = GoText.pair(text)
        guard let value, !kind.isEmpty, !value.isEmpty else {
            throw ExitError(
                1,
                "invalid generic-resource request `\(text)`: incorrect term \(text), missing '=' or malformed expression"
            )
        }
        guard let count = Int64(value) else {
            throw ExitError(
                1,
                "invalid generic-resource request `\(text)`, Named Generic Resources is not supported for service create or update"
            )
        }
        return ["DiscreteResourceSpec": ["Kind": .string(kind), "Value": JSON(count)]]
    }

    /// `CAP_` in front, capitals, no doubles.
    static func capabilities(_ names: [String]) -> [String] {
        var result: [String] = []
        for name in names {
            let upper = name.uppercased().filter { $0 != " " }
            let whole = upper == "ALL" || upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
            if !result.contains(whole) { result.append(whole) }
        }
        return result.sorted()
    }

    /// `--secret` and `--config`: a name, or `source=…,target=…,uid=…,gid=…,mode=…`.
    ///
    /// - Parameter kind: `secret` or `config`.
    static func fileReference(_ text: String, kind: String, _ client: DockerClient) async throws -> JSON {
        var source = ""
        var target = ""
        var owner = "0"
        var group = "0"
        var mode: Int64 = 0o444
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            guard let value = given else {
                guard source.isEmpty, !field.contains("=") else {
                    throw ExitError(1, "invalid field '\(field)' must be a key=value pair")
                }
                source = field
                continue
            }
            switch key.lowercased() {
            case "source", "src": source = value
            case "target": target = value
            case "uid": owner = value
            case "gid": group = value
            case "mode":
                guard let bits = Int64(value, radix: 8) else { throw ExitError(1, "invalid mode specified: \(value)") }
                mode = bits
            default: throw ExitError(1, "invalid field in \(kind) request: \(key)")
            }
        }
        guard !source.isEmpty else { throw ExitError(1, "source is required") }
        let query = [("filters", Filters.encoded(["name": [source]]))]
        let found = try await client.json(.get("/\(kind)s", query)).elements.first { $0["Spec"]["Name"].text == source }
        guard let found else { throw ExitError(1, "\(kind) not found: \(source)") }
        let title = kind == "secret" ? "Secret" : "Config"
        return .fields([
            "File": [
                "Name": .string(target.isEmpty ? source : target), "UID": .string(owner), "GID": .string(group),
                "Mode": JSON(mode),
            ],
            "\(title)ID": found["ID"], "\(title)Name": .string(source),
        ])
    }

    /// The id of a network that services may use.
    static func networkID(_ name: String, _ client: DockerClient) async throws -> String {
        try await client.json(.get(NetworkPath.of(name), [("scope", "swarm")]))["Id"].text
    }
}

/// Which image the tasks run: with the digest the registry has for its tag now.
enum ServiceImage {
    static func resolve(
        _ spec: inout JSON, _ client: DockerClient, queriesRegistry: Bool, credentials: (String, String)
    ) async throws {
        let text = spec["TaskTemplate"]["ContainerSpec"]["Image"].text
        // An id in place of a name stays as it is.
        guard let name = try? ImageName(parsing: text) else { return }
        var image = name.withTag.familiar
        if queriesRegistry, name.digest == nil {
            do {
                let found = try await client.json(
                    Request("GET", "/distribution/\(Request.part(text))/json", headers: [credentials]))
                let digest = found["Descriptor"]["digest"].text
                if !digest.isEmpty { image += "@\(digest)" }
                let platforms = found["Platforms"].elements.map { platform -> JSON in
                    .fields(["Architecture": platform["architecture"], "OS": platform["os"]])
                }
                if !platforms.isEmpty { spec["TaskTemplate"]["Placement"]["Platforms"] = .array(platforms) }
            } catch is DockerError {
                Console.error(
                    """
                    image \(image) could not be accessed on a registry to record
                    its digest. Each node will access \(image) independently,
                    possibly leading to different nodes running different
                    versions of the image.

                    """)
            }
        }
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = .string(image)
    }
}
