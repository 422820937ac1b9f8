import DockerClient
import DockerTypes
import Model
import Templates

extension Command {
    static let containerExec = Command(
        "container exec", aliases: ["exec"], arity: .atLeast(2), stopsAtArgument: true,
        help: """
            Usage:  apus container exec [OPTIONS] CONTAINER COMMAND [ARG...]

            Execute a command in a running container

            Aliases:
              apus container exec, apus exec

            Options:
              -d, --detach               Do not wait for its end
                  --detach-keys string   Keys that leave the container to itself
              -e, --env list             Variable for the process
                  --env-file list        File of variables, one a line
              -i, --interactive          Keep standard input open
                  --privileged           Without the usual fences
              -t, --tty                  With a terminal
              -u, --user string          Who runs the process (<name|uid>[:<group|gid>])
              -w, --workdir string       Directory to begin in
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let path = ContainerRoute.of(call.arguments[0])
        let isDetached = flags.isSet("detach")
        let isTerminal = flags.isSet("tty")
        let sendsInput = flags.isSet("interactive") && !isDetached
        let environment = try SettingFiles.environment(call, files: "env-file", flags: "env")
        // Asked for first, so that a name that is unknown is told as a container's.
        _ = try await client.bytes(.get(path + "/json"))
        if isTerminal, sendsInput, !Console.isTerminal(0) { throw ExitError(1, "the input device is not a TTY") }
        let size = isTerminal ? Terminal.size().map { [$0.rows, $0.columns] } : nil
        let keys = flags.string("detach-keys") ?? ""
        var request = ExecRequest()
        request.user = flags.string("user") ?? ""
        request.privileged = flags.isSet("privileged")
        request.tty = isTerminal
        request.consoleSize = size
        request.attachStdin = sendsInput
        request.attachStdout = !isDetached
        request.attachStderr = !isDetached
        request.detach = isDetached
        request.detachKeys = keys
        request.env = environment
        request.workingDir = flags.string("workdir") ?? ""
        request.cmd = Array(call.arguments.dropFirst())
        let id = try await client.json(.post(path + "/exec", sending: request))["Id"].text
        guard !id.isEmpty else { throw ExitError(1, "exec ID empty") }
        let exec = "/exec/\(Request.part(id))"
        var start = ExecStartRequest()
        start.detach = isDetached
        start.tty = isTerminal
        start.consoleSize = size
        let starting = try Request.post(exec + "/start", sending: start)
        if isDetached { return try await client.send(starting) }
        let session = AttachSession(
            client: client, path: exec, isTerminal: isTerminal, sendsInput: sendsInput, detachKeys: keys,
            proxiesSignals: false)
        try await client.hijack(starting) { raw in try await session.join(raw) {} }
        let status = try await client.json(.get(exec + "/json"))["ExitCode"].integer ?? 0
        if status != 0 { throw ExitError(Int32(truncatingIfNeeded: status)) }
    }
}
