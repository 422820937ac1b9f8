import DockerClient
import Templates

extension Command {
    static let containerRun = Command(
        "container run", aliases: ["run"], arity: .atLeast(1), stopsAtArgument: true, hidden: RunHelp.hidden,
        help: """
            Usage:  apus container run [OPTIONS] IMAGE [COMMAND] [ARG...]

            Create and run a new container from an image

            Aliases:
              apus container run, apus run

            \(RunHelp.options(without: []))
            """
    ) { call in try await ContainerRun(call).perform() }

    static let containerCreate = Command(
        "container create", aliases: ["create"], arity: .atLeast(1), stopsAtArgument: true, hidden: RunHelp.hidden,
        help: """
            Usage:  apus container create [OPTIONS] IMAGE [COMMAND] [ARG...]

            Create a new container

            Aliases:
              apus container create, apus create

            \(RunHelp.options(without: ["detach", "detach-keys", "sig-proxy"]))
            """
    ) { call in
        let body: JSON
        do {
            _ = try ContainerCreation.pull(call.flags)
            body = try JSON(encoding: ContainerRequest(call).request())
        } catch { throw RunFailure.flags(error, call, 125) }
        // What goes wrong from here on is told as it is, unlike with `run`.
        Console.line(try await ContainerCreation(call, try await call.client()).create(body))
    }
}

/// `run`: create, attach, start, wait.
struct ContainerRun {
    let call: Invocation

    init(_ call: Invocation) { self.call = call }

    func perform() async throws {
        let flags = call.flags
        let body: JSON
        let client: DaemonClient
        let id: String
        if flags.isSet("detach"), !flags.list("attach").isEmpty {
            throw RunFailure.flags(
                ExitError(1, "conflicting options: cannot specify both --attach and --detach"), call, 125)
        }
        if flags.isSet("tty"), !flags.isSet("detach"), flags.isSet("interactive"), !Console.isTerminal(0) {
            throw ExitError(1, "the input device is not a TTY")
        }
        do { body = try JSON(encoding: ContainerRequest(call).request()) } catch {
            throw RunFailure.flags(error, call, 125)
        }
        do {
            client = try await call.client()
            id = try await ContainerCreation(call, client).create(body)
        } catch { throw RunFailure.start(error, call) }
        let attached = ContainerRequest(call).attachments()
        guard attached.input || attached.output || attached.error else {
            do { try await client.send(.post(ContainerRoute.of(id, "/start"))) } catch {
                throw RunFailure.start(error, call)
            }
            if flags.isSet("detach") { Console.line(id) }
            return
        }
        let session = AttachSession(
            client: client, path: ContainerRoute.of(id), isTerminal: flags.isSet("tty"), sendsInput: attached.input,
            detachKeys: flags.string("detach-keys") ?? "", proxiesSignals: flags.isSet("sig-proxy", default: true))
        let query = session.query(output: attached.output, error: attached.error)
        let condition = flags.isSet("rm") ? "removed" : "next-exit"
        let status = try await session.run(query, condition: condition) {
            do { try await client.send(.post(ContainerRoute.of(id, "/start"))) } catch {
                throw RunFailure.start(error, call)
            }
        }
        if status != 0 { throw ExitError(status) }
    }
}
