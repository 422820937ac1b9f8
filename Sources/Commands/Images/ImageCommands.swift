import DockerClient
import Templates

extension Command {
    static let imageInspect = Command(
        "image inspect", arity: .atLeast(1),
        help: """
            Usage:  apus image inspect [OPTIONS] IMAGE [IMAGE...]

            Display detailed information on one or more images

            Options:
              -f, --format string     'json', or a Go 'TEMPLATE'
                  --platform string   Only this one of several platforms ("os[/arch[/variant]]")
            """
    ) { call in
        let client = try await call.client()
        var query: [(String, String)] = []
        if let platform = call.flags.string("platform"), !platform.isEmpty {
            query.append(("platform", try PlatformText.json(platform)))
        }
        let requested = query
        try await Inspection(format: call.flags.string("format")).show(call.arguments) { name in
            try await client.bytes(.get(ImagePath.of(name, "/json"), requested))
        }
    }

    static let imageTag = Command(
        "image tag", aliases: ["tag"], arity: .exactly(2),
        help: """
            Usage:  apus image tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]

            Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE

            Aliases:
              apus image tag, apus tag
            """
    ) { call in
        let target: ImageName
        do { target = try ImageName(parsing: call.arguments[1]) } catch {
            throw ExitError(
                1,
                "Error parsing reference: \(GoText.quoted(call.arguments[1])) is not a valid repository/tag: \((error as? ExitError)?.message ?? "")"
            )
        }
        let query = [("repo", target.familiarName), ("tag", target.tag ?? "latest")]
        try await call.client().send(.post(ImagePath.of(call.arguments[0], "/tag"), query))
    }

    static let imageRemove = Command(
        "image rm", aliases: ["rmi", "image remove"], arity: .atLeast(1),
        help: """
            Usage:  apus image rm [OPTIONS] IMAGE [IMAGE...]

            Remove one or more images

            Aliases:
              apus image rm, apus image remove, apus rmi

            Options:
              -f, --force              Also when it is in use
                  --no-prune           Leave untagged parents alone
                  --platform strings   Only this one of several platforms ("os[/arch[/variant]]")
            """
    ) { call in
        let client = try await call.client()
        let isForced = call.flags.isSet("force")
        var query: [(String, String)] = []
        if isForced { query.append(("force", "1")) }
        if call.flags.isSet("no-prune") { query.append(("noprune", "1")) }
        query += try call.flags.list("platform").map { ("platforms", try PlatformText.json($0)) }
        var failures: [String] = []
        var isFatal = false
        for name in call.arguments {
            do {
                for line in try await client.json(.delete(ImagePath.of(name), query)).elements {
                    if let deleted = line["Deleted"].string {
                        Console.line("Deleted: \(deleted)")
                    } else {
                        Console.line("Untagged: \(line["Untagged"].text)")
                    }
                }
            } catch {
                if (error as? DockerError)?.isNotFound != true { isFatal = true }
                failures.append("\(error)")
            }
        }
        guard !failures.isEmpty else { return }
        let text = failures.joined(separator: "\n")
        // What is not there need not be removed.
        if isForced, !isFatal { return Console.error(text) }
        throw ExitError(1, text)
    }

    static let imagePrune = Command(
        "image prune", arity: .none,
        help: """
            Usage:  apus image prune [OPTIONS]

            Remove unused images

            Options:
              -a, --all             Also images with a name that no container uses
                  --filter filter   Only those that fit (e.g. "until=<timestamp>")
              -f, --force           Ask nothing
            """
    ) { call in
        let isAll = call.flags.isSet("all")
        let warning =
            isAll
            ? "WARNING! This will remove all images without at least one container associated to them."
            : "WARNING! This will remove all dangling images."
        guard try await Prune.mayGoOn(call, warning) else { return }
        let answer = try await Prune.ask(call, "/images/prune", ["dangling=\(!isAll)"])
        Prune.report("Deleted Images:", ImagePruneText.lines(answer))
        Prune.reclaimed(answer)
    }

    static let imageSave = Command(
        "image save", aliases: ["save"], arity: .atLeast(1),
        help: """
            Usage:  apus image save [OPTIONS] IMAGE [IMAGE...]

            Save one or more images to a tar archive (streamed to STDOUT by default)

            Aliases:
              apus image save, apus save

            Options:
              -o, --output string     File to write; standard output if not given
                  --platform string   Only this one of several platforms ("os[/arch[/variant]]")
            """
    ) { call in
        var query = call.arguments.map { ("names", $0) }
        if let platform = call.flags.string("platform"), !platform.isEmpty {
            query.append(("platform", try PlatformText.json(platform)))
        }
        try await OutputFile.stream(
            try await call.client(), .get("/images/get", query), to: call.flags.string("output"), action: "save image")
    }

    static let imageLoad = Command(
        "image load", aliases: ["load"], arity: .none,
        help: """
            Usage:  apus image load [OPTIONS]

            Load an image from a tar archive or STDIN

            Aliases:
              apus image load, apus load

            Options:
              -i, --input string      Archive to read; standard input if not given
                  --platform string   Only this one of several platforms ("os[/arch[/variant]]")
              -q, --quiet             No progress
            """
    ) { call in
        let flags = call.flags
        let path = flags.string("input") ?? ""
        if path.isEmpty, Console.isTerminal(0) { throw ExitError(1, "requested load from stdin, but stdin is empty") }
        let client = try await call.client()
        var query = [("quiet", flags.isSet("quiet") || !Console.isTerminal(1) ? "1" : "0")]
        if let platform = flags.string("platform"), !platform.isEmpty {
            query.append(("platform", try PlatformText.json(platform)))
        }
        let request = Request(
            "POST", "/images/load", query: query, body: InputFile.body(path, type: "application/x-tar"))
        try await ProgressDisplay.run(client, request, descriptor: 1)
    }

    static let imageImport = Command(
        "image import", aliases: ["import"], arity: .atLeast(1),
        help: """
            Usage:  apus image import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]

            Import the contents from a tarball to create a filesystem image

            Aliases:
              apus image import, apus import

            Options:
              -c, --change list       Dockerfile instruction to apply
              -m, --message string    Words about the change
                  --platform string   Only this one of several platforms ("os[/arch[/variant]]")
            """
    ) { call in
        let flags = call.flags
        let source = call.arguments[0]
        var query: [(String, String)] = []
        let isRemote = source.hasPrefix("http://") || source.hasPrefix("https://")
        query.append(("fromSrc", isRemote ? source : "-"))
        if call.arguments.count > 1 { query.append(("repo", call.arguments[1])) }
        if let message = flags.string("message"), !message.isEmpty { query.append(("message", message)) }
        if let platform = flags.string("platform"), !platform.isEmpty { query.append(("platform", platform)) }
        query += flags.list("change").map { ("changes", $0) }
        let body: Request.Body =
            isRemote ? .none : InputFile.body(source == "-" ? "" : source, type: "application/x-tar")
        try await ProgressDisplay.run(
            try await call.client(), Request("POST", "/images/create", query: query, body: body), descriptor: 1)
    }
}

enum ImagePruneText {
    static func lines(_ answer: JSON) -> [String] {
        answer["ImagesDeleted"].elements.map { image in
            if let untagged = image["Untagged"].string, !untagged.isEmpty { return "untagged: \(untagged)" }
            return "deleted: \(image["Deleted"].text)"
        }
    }
}
