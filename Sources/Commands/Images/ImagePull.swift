import DockerClient
import Templates

extension Command {
    static let imagePull = Command(
        "image pull", aliases: ["pull"], arity: .exactly(1),
        help: """
            Usage:  apus image pull [OPTIONS] NAME[:TAG|@DIGEST]

            Download an image from a registry

            Aliases:
              apus image pull, apus pull

            Options:
              -a, --all-tags                Every tag of the name
                  --disable-content-trust   Ask for no signatures (default true)
                  --platform string         Only this one of several platforms ("os[/arch[/variant]]")
              -q, --quiet                   No progress
            """
    ) { call in
        let flags = call.flags
        var image = try ImageName(parsing: call.arguments[0])
        let takesAll = flags.isSet("all-tags")
        if takesAll, image.tag != nil || image.digest != nil {
            throw ExitError(1, "tag can't be used with --all-tags/-a")
        }
        let client = try await call.client()
        if !takesAll, image.tag == nil, image.digest == nil {
            image = image.withTag
            if !flags.isSet("quiet") { Console.line("Using default tag: latest") }
        }
        try await ImagePull.run(
            client, call.session, image, platform: flags.string("platform"), isQuiet: flags.isSet("quiet"),
            descriptor: 1)
        Console.line(image.full)
    }

    static let imagePush = Command(
        "image push", aliases: ["push"], arity: .exactly(1),
        help: """
            Usage:  apus image push [OPTIONS] NAME[:TAG]

            Upload an image to a registry

            Aliases:
              apus image push, apus push

            Options:
              -a, --all-tags                Every tag of the name
                  --disable-content-trust   Ask for no signatures (default true)
                  --platform string         Only this one of several platforms ("os[/arch[/variant]]")
              -q, --quiet                   No progress
            """
    ) { call in
        let flags = call.flags
        var image = try ImageName(parsing: call.arguments[0])
        let takesAll = flags.isSet("all-tags")
        if takesAll, image.tag != nil { throw ExitError(1, "tag can't be used with --all-tags/-a") }
        let client = try await call.client()
        if !takesAll, image.tag == nil {
            image = image.withTag
            if !flags.isSet("quiet") { Console.line("Using default tag: latest") }
        }
        var query: [(String, String)] = []
        if let tag = image.tag { query.append(("tag", tag)) }
        if let platform = flags.string("platform"), !platform.isEmpty {
            query.append(("platform", try PlatformText.json(platform)))
        }
        let request = Request(
            "POST", ImagePath.of(image.familiarName, "/push"), query: query,
            headers: [try await call.session.credentials(for: image)])
        if flags.isSet("quiet") {
            try await ImagePull.swallow(client, request)
            Console.line(image.full)
        } else {
            try await ProgressDisplay.run(client, request, descriptor: 1)
        }
    }
}

enum ImagePull {
    static func run(
        _ client: DaemonClient, _ session: Session, _ image: ImageName, platform: String?, isQuiet: Bool,
        descriptor: CInt
    ) async throws {
        var query = [("fromImage", image.familiarName)]
        if let digest = image.digest {
            query.append(("tag", digest))
        } else if let tag = image.tag {
            query.append(("tag", tag))
        }
        if let platform, !platform.isEmpty { query.append(("platform", platform.lowercased())) }
        let request = Request(
            "POST", "/images/create", query: query, headers: [try await session.credentials(for: image)])
        if isQuiet {
            try await swallow(client, request)
        } else {
            try await ProgressDisplay.run(client, request, descriptor: descriptor)
        }
    }

    /// Waits for the end; only an error is told.
    static func swallow(_ client: DaemonClient, _ request: Request) async throws {
        var display = ProgressDisplay(isTerminal: false, columns: 0)
        try await client.values(request) { _ = try display.show($0) }
    }
}

enum PlatformText {
    /// `linux/arm64/v8` as the API's object.
    static func json(_ text: String) throws -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let quoted = GoText.quoted(text)
        guard parts.count <= 3 else {
            throw ExitError(1, "invalid platform: \(quoted): cannot parse platform specifier: invalid argument")
        }
        if let empty = parts.firstIndex(where: \.isEmpty) {
            let (kind, part, rule) =
                empty == 0
                ? ("OS ", "OSAndVersion", #"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$"#)
                : ("", "platform", "^[A-Za-z0-9_.-]+$")
            throw ExitError(
                1,
                "invalid platform: \"\" is an invalid \(kind)component of \(quoted): "
                    + "\(part) specifier component must match \"\(rule)\": invalid argument")
        }
        // A query's value, whose names are written in small letters.
        return JSON.fields([
            "architecture": .string(parts.count > 1 ? parts[1] : ""), "os": .string(parts[0]),
            "variant": parts.count > 2 ? .string(parts[2]) : nil,
        ]).compact()
    }
}
