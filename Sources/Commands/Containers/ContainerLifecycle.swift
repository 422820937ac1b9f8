import DockerClient
import Templates

extension Command {
    static let containerStop = Command(
        "container stop", aliases: ["stop"], arity: .atLeast(1), hidden: "      --time int   The same as --timeout",
        help: """
            Usage:  apus container stop [OPTIONS] CONTAINER [CONTAINER...]

            Stop one or more running containers

            Aliases:
              apus container stop, apus stop

            Options:
              -s, --signal string   Which signal
              -t, --timeout int     Seconds from the signal to SIGKILL
            """
    ) { call in try await Lifecycle.stop(call, "stop") }

    static let containerRestart = Command(
        "container restart", aliases: ["restart"], arity: .atLeast(1),
        hidden: "      --time int   The same as --timeout",
        help: """
            Usage:  apus container restart [OPTIONS] CONTAINER [CONTAINER...]

            Restart one or more containers

            Aliases:
              apus container restart, apus restart

            Options:
              -s, --signal string   Which signal
              -t, --timeout int     Seconds from the signal to SIGKILL
            """
    ) { call in try await Lifecycle.stop(call, "restart") }

    static let containerKill = Command(
        "container kill", aliases: ["kill"], arity: .atLeast(1),
        help: """
            Usage:  apus container kill [OPTIONS] CONTAINER [CONTAINER...]

            Kill one or more running containers

            Aliases:
              apus container kill, apus kill

            Options:
              -s, --signal string   Which signal
            """
    ) { call in
        let signal = call.flags.string("signal") ?? ""
        try await Lifecycle.each(call, "/kill", signal.isEmpty ? [] : [("signal", signal)])
    }

    static let containerPause = Command(
        "container pause", aliases: ["pause"], arity: .atLeast(1),
        help: """
            Usage:  apus container pause CONTAINER [CONTAINER...]

            Pause all processes within one or more containers

            Aliases:
              apus container pause, apus pause
            """
    ) { call in try await Lifecycle.each(call, "/pause", []) }

    static let containerUnpause = Command(
        "container unpause", aliases: ["unpause"], arity: .atLeast(1),
        help: """
            Usage:  apus container unpause CONTAINER [CONTAINER...]

            Unpause all processes within one or more containers

            Aliases:
              apus container unpause, apus unpause
            """
    ) { call in try await Lifecycle.each(call, "/unpause", []) }

    static let containerWait = Command(
        "container wait", aliases: ["wait"], arity: .atLeast(1),
        help: """
            Usage:  apus container wait CONTAINER [CONTAINER...]

            Block until one or more containers stop, then print their exit codes

            Aliases:
              apus container wait, apus wait
            """
    ) { call in
        let client = try await call.client()
        try await Batch.run(call.arguments) { name in
            let answer = try await client.json(.post(ContainerRoute.of(name, "/wait")))
            let message = answer["Error"]["Message"].text
            guard message.isEmpty else { throw ExitError(1, message) }
            return "\(answer["StatusCode"].integer ?? 0)"
        }
    }

    static let containerRemove = Command(
        "container rm", aliases: ["rm", "container remove"], arity: .atLeast(1),
        help: """
            Usage:  apus container rm [OPTIONS] CONTAINER [CONTAINER...]

            Remove one or more containers

            Aliases:
              apus container rm, apus container remove, apus rm

            Options:
              -f, --force     Kill it if it runs
              -l, --link      Remove the link, not the container
              -v, --volumes   Also its volumes without a name
            """
    ) { call in
        let client = try await call.client()
        let isForced = call.flags.isSet("force")
        var query: [(String, String)] = []
        if call.flags.isSet("volumes") { query.append(("v", "1")) }
        if call.flags.isSet("link") { query.append(("link", "1")) }
        if isForced { query.append(("force", "1")) }
        let requested = query
        try await Batch.together(call.arguments) { name in
            let plain = name.hasPrefix("/") ? String(name.dropFirst()) : name
            guard !plain.isEmpty else { throw ExitError(1, "Container name cannot be empty") }
            do { try await client.send(.delete(ContainerRoute.of(plain), requested)) } catch let error as DockerError
                where isForced && error.isNotFound
            {
                // What is not there need not be removed.
                Console.error("\(error)")
                return nil
            }
            return name
        }
    }

    static let containerRename = Command(
        "container rename", aliases: ["rename"], arity: .exactly(2),
        help: """
            Usage:  apus container rename CONTAINER NEW_NAME

            Rename a container

            Aliases:
              apus container rename, apus rename
            """
    ) { call in
        let names = call.arguments.map { $0.split(separator: " ").joined() }
        guard names.allSatisfy({ !$0.isEmpty }) else {
            throw ExitError(1, "Error: Neither old nor new names may be empty")
        }
        do {
            try await call.client().send(.post(ContainerRoute.of(names[0], "/rename"), [("name", names[1])]))
        } catch let error as DockerError {
            throw ExitError(1, "\(error)\nError: failed to rename container named \(names[0])")
        }
    }
}

enum Lifecycle {
    static func stop(_ call: Invocation, _ action: String) async throws {
        let flags = call.flags
        guard !(flags.has("time") && flags.has("timeout")) else {
            throw ExitError(1, "conflicting options: cannot specify both --timeout and --time")
        }
        var query: [(String, String)] = []
        if let signal = flags.string("signal"), !signal.isEmpty { query.append(("signal", signal)) }
        if let seconds = flags.integer("timeout") ?? flags.integer("time") { query.append(("t", "\(seconds)")) }
        try await each(call, "/" + action, query)
    }

    /// Asks for something on each container, all at once.
    static func each(_ call: Invocation, _ path: String, _ query: [(String, String)]) async throws {
        let client = try await call.client()
        try await Batch.together(call.arguments) { name in
            try await client.send(.post(ContainerRoute.of(name, path), query))
            return name
        }
    }
}
