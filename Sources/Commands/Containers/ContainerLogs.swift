import DockerClient
import Templates

extension Command {
    static let containerLogs = Command(
        "container logs", aliases: ["logs"], arity: .exactly(1),
        help: """
            Usage:  apus container logs [OPTIONS] CONTAINER

            Fetch the logs of a container

            Aliases:
              apus container logs, apus logs

            Options:
                  --details        With what log options add to a line
              -f, --follow         Go on with new lines
                  --since string   From this moment on (a time, or as long ago as "42m")
              -n, --tail string    So many of the last lines (default "all")
              -t, --timestamps     With times
                  --until string   Up to this moment (a time, or as long ago as "42m")
            """
    ) { call in
        let client = try await call.client()
        let path = ContainerRoute.of(call.arguments[0])
        let found = try await client.json(.get(path + "/json"))
        let request = Request.get(path + "/logs", try LogFlags.items(call.flags))
        let isFramed = !found["Config"]["Tty"].isTrue
        try await client.stream(request) { try await AttachSession.passOutput($0, isFramed: isFramed) }
    }
}

enum LogFlags {
    static func items(_ flags: ParsedFlags) throws -> [(String, String)] {
        var query = [("stdout", "1"), ("stderr", "1")]
        do {
            if let since = flags.string("since") { query.append(("since", try Timestamps.parameter(since))) }
        } catch { throw ExitError(1, "invalid value for \"since\": \(error)") }
        if flags.declared.contains("until"), let until = flags.string("until") {
            do { query.append(("until", try Timestamps.parameter(until))) } catch {
                throw ExitError(1, "invalid value for \"until\": \(error)")
            }
        }
        if flags.isSet("timestamps") { query.append(("timestamps", "1")) }
        if flags.isSet("details") { query.append(("details", "1")) }
        if flags.isSet("follow") { query.append(("follow", "1")) }
        query.append(("tail", flags.string("tail") ?? "all"))
        return query
    }
}
