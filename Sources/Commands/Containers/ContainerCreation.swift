import DockerClient
import Templates

/// How `run` and `create` say that they failed.
enum RunFailure {
    static func flags(_ error: any Error, _ call: Invocation, _ status: Int32) -> any Error {
        if let exit = error as? ExitError, exit.status != 1 || exit.message.isEmpty { return exit }
        let text = (error as? ExitError)?.message ?? "\(error)"
        return ExitError(status, "apus: \(text)\n\nRun 'apus \(call.used) --help' for more information")
    }

    /// What was wrong inside of the container ends with the statuses of a shell.
    static func start(_ error: any Error, _ call: Invocation) -> any Error {
        let text = "\(error)"
        var status: Int32 = 125
        if text.contains("executable file not found") || text.contains("no such file or directory") {
            status = 127
        } else if text.contains("permission denied") || text.contains("is a directory") {
            status = 126
        }
        return flags(error, call, status)
    }
}

/// Makes a container, and fetches its image when it is missing.
struct ContainerCreation {
    let call: Invocation
    let client: DaemonClient

    init(_ call: Invocation, _ client: DaemonClient) {
        self.call = call
        self.client = client
    }

    /// When to fetch the image, out of the three words that say it.
    static func pull(_ flags: ParsedFlags) throws(ExitError) -> String {
        let pull = flags.string("pull") ?? "missing"
        guard ["always", "missing", "never"].contains(pull) else {
            throw ExitError(
                1, "invalid pull option: '\(pull)': must be one of \"always\", \"missing\" or \"never\"")
        }
        return pull
    }

    /// - Returns: The id.
    func create(_ body: JSON) async throws -> String {
        let flags = call.flags
        let pull = try Self.pull(flags)
        let image = try ImageName(parsing: call.arguments[0])
        guard !flags.isSet("use-api-socket") else { throw ExitError(1, "--use-api-socket is not supported") }
        if let path = flags.string("cidfile"), Paths.exists(path) {
            throw ExitError(
                1, "container ID file found, make sure the other container isn't running or delete \(path)")
        }
        if pull == "always" { try await fetch(image) }
        var query: [(String, String)] = []
        if let name = flags.string("name"), !name.isEmpty { query.append(("name", name)) }
        if let platform = flags.string("platform"), !platform.isEmpty { query.append(("platform", platform)) }
        let request = Request.post("/containers/create", query, body)
        let answer: JSON
        do { answer = try await client.json(request) } catch let error as DockerError
            where error.isNotFound && pull == "missing"
        {
            if !flags.isSet("quiet") { Console.error("Unable to find image '\(image.withTag.familiar)' locally") }
            try await fetch(image)
            answer = try await client.json(request)
        }
        for warning in answer["Warnings"].strings { Console.error("WARNING: \(warning)") }
        let id = answer["Id"].text
        if let path = flags.string("cidfile") { try OutputFile.write(Array(id.utf8), to: path) }
        return id
    }

    private func fetch(_ image: ImageName) async throws {
        try await ImagePull.run(
            client, call.session, image.withTag, platform: call.flags.string("platform"),
            isQuiet: call.flags.isSet("quiet"), descriptor: 2)
    }
}
