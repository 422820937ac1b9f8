import Concurrency
import DockerClient
import DockerTypes
import Glibc
import LinuxSystem
import Templates

/// A terminal, or plain streams, joined to a container or to a command in one.
struct AttachSession {
    let client: DaemonClient
    /// `/containers/x` or `/exec/x`.
    let path: String
    /// Whether what runs has a terminal.
    let isTerminal: Bool
    let sendsInput: Bool
    let detachKeys: String
    let proxiesSignals: Bool

    func query(output: Bool, error: Bool) -> [(String, String)] {
        var query = [("stream", "1")]
        if sendsInput { query.append(("stdin", "1")) }
        if output { query.append(("stdout", "1")) }
        if error { query.append(("stderr", "1")) }
        if !detachKeys.isEmpty { query.append(("detachKeys", detachKeys)) }
        return query
    }

    /// Attaches, lets `start` begin what runs, passes everything on until the end.
    ///
    /// - Parameter condition: What the engine is to wait for; it is asked before the start, so that no end is missed.
    /// - Returns: The exit status.
    func run(
        _ query: [(String, String)], condition: String, start: @Sendable () async throws -> Void
    ) async throws -> Int32 {
        let attach = Request("POST", path + "/attach", query: query, headers: [("Content-Type", "text/plain")])
        let wait = Request.post(path + "/wait", [("condition", condition)])
        return try await client.stream(wait) { waiting in
            try await client.hijack(attach) { raw in
                try await join(raw, afterStart: start)
            }
            return try Self.status(try JSON(parsing: try await waiting.collect()))
        }
    }

    static func status(_ answer: JSON) throws -> Int32 {
        let message = answer["Error"]["Message"].text
        if !message.isEmpty { throw ExitError(125, "Error waiting for container: \(message)") }
        return Int32(truncatingIfNeeded: answer["StatusCode"].integer ?? 0)
    }

    /// Passes both directions on until the output ends.
    func join(_ raw: RawStream, afterStart start: @Sendable () async throws -> Void) async throws {
        let keys = detachKeys.isEmpty ? DetachKeys.standard : try DetachKeys(detachKeys)
        let terminal = isTerminal && sendsInput && Console.isTerminal(0) ? try Terminal(raw: 0) : nil
        defer { terminal?.restore() }
        try await start()
        // A read of standard input cannot be interrupted: what goes on beside the output is not waited for.
        let aside = OwnedTasks()
        defer { aside.cancel() }
        if isTerminal { try await followSize(aside) }
        if proxiesSignals, !isTerminal { try passSignals(aside) }
        if sendsInput {
            let input = raw.input
            aside.begin { await passInput(to: input, terminal.map { _ in DetachFilter(keys) }, terminal) }
        }
        try await Self.passOutput(raw.response, isFramed: !isTerminal)
    }

    static func passOutput(_ response: Response, isFramed: Bool) async throws {
        var reader = FrameReader()
        while let bytes = try await response.next() {
            guard isFramed else {
                try await Console.pass(bytes, to: 1)
                continue
            }
            for frame in try reader.feed(bytes) {
                switch frame.stream {
                case .standardInput, .standardOutput: try await Console.pass(frame.bytes, to: 1)
                case .standardError: try await Console.pass(frame.bytes, to: 2)
                case .systemError:
                    throw ExitError(
                        1, "error from daemon in stream: \(String(decoding: frame.bytes, as: UTF8.self))")
                }
            }
        }
    }

    private func passInput(to input: RawStream.Input, _ filter: DetachFilter?, _ terminal: Terminal?) async {
        var filter = filter
        do {
            while let bytes = try await Console.readInput() {
                guard var keys = filter else {
                    try await input.write(bytes)
                    continue
                }
                let (output, detaches) = keys.pass(bytes)
                filter = keys
                if !output.isEmpty { try await input.write(output) }
                if detaches {
                    terminal?.restore()
                    Console.error("read escape sequence")
                    exit(0)
                }
            }
            input.end()
        } catch {
            // The other side takes no more input; what it has to say comes with its output.
        }
    }

    private func resize() async throws {
        guard let size = Terminal.size() else { return }
        try await client.send(.post(path + "/resize", [("h", "\(size.rows)"), ("w", "\(size.columns)")]))
    }

    /// Tells the engine the terminal's size, now and whenever it changes.
    private func followSize(_ aside: OwnedTasks) async throws {
        guard Console.isTerminal(1) else { return }
        // What has ended already has no size any more.
        try? await resize()
        let changes = try ConsoleIO.current.signals([SIGWINCH])
        aside.begin { for await _ in changes { try? await resize() } }
    }

    private func passSignals(_ aside: OwnedTasks) throws {
        let names: [CInt: String] = [
            SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGUSR1: "USR1", SIGUSR2: "USR2", SIGTERM: "TERM",
            SIGCONT: "CONT",
        ]
        let signals = try ConsoleIO.current.signals(Array(names.keys))
        aside.begin {
            for await signal in signals {
                // A container that has just ended takes no signal; its status is on the way.
                try? await client.send(.post(path + "/kill", [("signal", names[signal] ?? "\(signal)")]))
            }
        }
    }
}
