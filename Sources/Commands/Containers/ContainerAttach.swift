import DockerClient
import Templates

extension Command {
    static let containerAttach = Command(
        "container attach", aliases: ["attach"], arity: .exactly(1),
        help: """
            Usage:  apus container attach [OPTIONS] CONTAINER

            Attach local standard input, output, and error streams to a running container

            Aliases:
              apus container attach, apus attach

            Options:
                  --detach-keys string   Keys that leave the container to itself
                  --no-stdin             Leave standard input alone
                  --sig-proxy            Hand signals on to the process (default true)
            """
    ) { call in
        let client = try await call.client()
        let path = ContainerRoute.of(call.arguments[0])
        let found = try await client.json(.get(path + "/json"))
        let state = found["State"]
        guard state["Running"].isTrue else {
            throw ExitError(1, "You cannot attach to a stopped container, start it first")
        }
        guard !state["Paused"].isTrue else {
            throw ExitError(1, "You cannot attach to a paused container, unpause it first")
        }
        guard !state["Restarting"].isTrue else {
            throw ExitError(1, "You cannot attach to a restarting container, wait until it is running")
        }
        let isTerminal = found["Config"]["Tty"].isTrue
        let sendsInput = !call.flags.isSet("no-stdin") && found["Config"]["OpenStdin"].isTrue
        if isTerminal, sendsInput, !Console.isTerminal(0) { throw ExitError(1, "the input device is not a TTY") }
        let session = AttachSession(
            client: client, path: path, isTerminal: isTerminal, sendsInput: sendsInput,
            detachKeys: call.flags.string("detach-keys") ?? "",
            proxiesSignals: call.flags.isSet("sig-proxy", default: true))
        let status = try await session.run(session.query(output: true, error: true), condition: "") {}
        if status != 0 { throw ExitError(status) }
    }

    static let containerStart = Command(
        "container start", aliases: ["start"], arity: .atLeast(1),
        help: """
            Usage:  apus container start [OPTIONS] CONTAINER [CONTAINER...]

            Start one or more stopped containers

            Aliases:
              apus container start, apus start

            Options:
              -a, --attach                  Show the output and hand signals on
                  --checkpoint string       Checkpoint to go on from
                  --checkpoint-dir string   Where checkpoints are
                  --detach-keys string      Keys that leave the container to itself
              -i, --interactive             Connect standard input
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        guard !flags.has("checkpoint"), !flags.has("checkpoint-dir") else {
            throw ExitError(1, "checkpoints are not supported")
        }
        guard flags.isSet("attach") || flags.isSet("interactive") else {
            var failed: [String] = []
            for name in call.arguments {
                do {
                    try await client.send(.post(ContainerRoute.of(name, "/start")))
                    Console.line(name)
                } catch {
                    Console.error("\(error)")
                    failed.append(name)
                }
            }
            guard failed.isEmpty else {
                throw ExitError(1, "Error: failed to start containers: \(failed.joined(separator: ", "))")
            }
            return
        }
        guard call.arguments.count == 1 else {
            throw ExitError(1, "you cannot start and attach multiple containers at once")
        }
        let path = ContainerRoute.of(call.arguments[0])
        let found = try await client.json(.get(path + "/json"))
        let session = AttachSession(
            client: client, path: path, isTerminal: found["Config"]["Tty"].isTrue,
            sendsInput: flags.isSet("interactive") && found["Config"]["OpenStdin"].isTrue,
            detachKeys: flags.string("detach-keys") ?? "", proxiesSignals: true)
        let condition = found["HostConfig"]["AutoRemove"].isTrue ? "removed" : "next-exit"
        let status = try await session.run(session.query(output: true, error: true), condition: condition) {
            try await client.send(.post(path + "/start"))
        }
        if status != 0 { throw ExitError(status) }
    }
}
