import DockerClient
import Templates

extension Command {
    static let inspect = Command(
        "inspect", arity: .atLeast(1),
        help: """
            Usage:  apus inspect [OPTIONS] NAME|ID [NAME|ID...]

            Return low-level information on Docker objects

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
              -s, --size            With sizes, of containers
                  --type string     Only things of this kind
            """
    ) { call in
        let flags = call.flags
        let type = flags.string("type") ?? ""
        guard type.isEmpty || AnyKind.kinds.contains(where: { $0.name == type }) else {
            throw ExitError(
                1,
                "unknown type: \(GoText.quoted(type)): must be one of \"\(AnyKind.kinds.map(\.name).sorted().joined(separator: "\", \""))\""
            )
        }
        let client = try await call.client()
        try await Inspection(format: flags.string("format")).show(call.arguments) { name in
            try await AnyKind.find(name, type: type, size: flags.isSet("size"), client)
        }
    }
}

/// A name that may be anybody's.
enum AnyKind {
    static let kinds: [(name: String, path: String)] = [
        ("container", "/containers/%/json"), ("image", "/images/%/json"), ("network", "/networks/%"),
        ("volume", "/volumes/%"), ("service", "/services/%"), ("task", "/tasks/%"), ("node", "/nodes/%"),
        ("config", "/configs/%"), ("secret", "/secrets/%"), ("plugin", "/plugins/%/json"),
    ]

    static func find(_ name: String, type: String, size: Bool, _ client: DaemonClient) async throws -> [UInt8] {
        for kind in kinds where type.isEmpty || kind.name == type {
            let path = kind.path.replacing("%", with: Request.part(name))
            var query: [(String, String)] = []
            if size, kind.name == "container" { query.append(("size", "1")) }
            if kind.name == "service" { query.append(("insertDefaults", "true")) }
            do { return try await client.bytes(.get(path, query)) } catch let error as DockerError {
                guard type.isEmpty else { throw error }
                // 404 here, or no swarm, or nothing of that kind at all: it may be something else.
                guard let status = error.status, [404, 501, 503, 500].contains(status) else { throw error }
                if status == 500, !error.description.contains("not supported") { throw error }
            }
        }
        throw PlainError("Error: No such object: \(name)")
    }
}
