import DockerClient
import Templates

extension Command {
    static let serviceLogs = Command(
        "service logs", arity: .exactly(1),
        help: """
            Usage:  apus service logs [OPTIONS] SERVICE|TASK

            Fetch the logs of a service or task

            Options:
                  --details        With what log options add to a line
              -f, --follow         Go on with new lines
                  --no-resolve     Ids as they are, no names
                  --no-task-ids    Without the tasks' ids
                  --no-trunc       Shorten nothing
                  --raw            Lines as they are
                  --since string   From this moment on (a time, or as long ago as "42m")
              -n, --tail string    So many of the last lines (default "all")
              -t, --timestamps     With times
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let isRaw = flags.isSet("raw")
        var query = try LogFlags.items(flags).filter { $0.0 != "details" }
        // What the lines are of comes as details.
        if !isRaw || flags.isSet("details") { query.append(("details", "1")) }
        let target = try await LogTarget.find(client, call.arguments[0])
        if target.hasTerminal, !isRaw {
            throw ExitError(1, "tty service logs only supported with --raw")
        }
        let names = try await SwarmNames.load(client, resolves: !flags.isSet("no-resolve"))
        let style = LogLineStyle(
            names: names.services, nodes: names.nodes, width: target.width, hasTimestamps: flags.isSet("timestamps"),
            showsDetails: flags.isSet("details"), showsTasks: !flags.isSet("no-task-ids"),
            isShort: !flags.isSet("no-trunc"))
        try await client.stream(.get(target.path + "/logs", query)) { response in
            if isRaw || target.hasTerminal {
                return try await AttachSession.passOutput(response, isFramed: !target.hasTerminal)
            }
            var reader = FrameReader()
            var slots: [String: String] = [:]
            while let bytes = try await response.next() {
                for frame in try reader.feed(bytes) {
                    if frame.stream == .systemError {
                        throw ExitError(
                            1, "error from daemon in stream: \(String(decoding: frame.bytes, as: UTF8.self))")
                    }
                    let line = try ServiceLogLine(frame.bytes, style)
                    if slots[line.task] == nil {
                        slots[line.task] = try await LogTarget.slot(client, line, resolves: !flags.isSet("no-resolve"))
                    }
                    let text = line.text(style, taskName: slots[line.task] ?? line.task)
                    try await Console.pass(text, to: frame.stream == .standardError ? 2 : 1)
                }
            }
        }
    }
}

/// Whose logs are asked for.
struct LogTarget {
    let path: String
    let hasTerminal: Bool
    /// Digits of the highest slot, so that columns stand in line.
    let width: Int

    static func find(_ client: DaemonClient, _ name: String) async throws -> LogTarget {
        do {
            let service = try await client.json(.get(ServicePath.of(name)))
            let replicas = service["Spec"]["Mode"]["Replicated"]["Replicas"].unsigned
            return LogTarget(
                path: ServicePath.of(name), hasTerminal: service["Spec"]["TaskTemplate"]["ContainerSpec"]["TTY"].isTrue,
                width: String(replicas).count)
        } catch let error as DockerError where error.isNotFound {
            do {
                let task = try await client.json(.get("/tasks/\(Request.part(name))"))
                return LogTarget(
                    path: "/tasks/\(Request.part(name))", hasTerminal: task["Spec"]["ContainerSpec"]["TTY"].isTrue,
                    width: String(task["Slot"].integer ?? 0).count)
            } catch let error as DockerError where error.isNotFound {
                throw ExitError(1, "no such task or service: \(name)")
            }
        }
    }

    /// `web.1` of a task, asked for once.
    static func slot(_ client: DaemonClient, _ line: ServiceLogLine, resolves: Bool) async throws -> String {
        let task = try await client.json(.get("/tasks/\(Request.part(line.task))"))
        let slot = task["Slot"].integer ?? 0
        return slot != 0 ? "\(slot)" : resolves ? line.node : task["NodeID"].text
    }
}

/// How lines of a service's logs are shown.
package struct LogLineStyle: Sendable {
    /// By id; empty when ids stay ids.
    let names: [String: String]
    let nodes: [String: String]
    let width: Int
    let hasTimestamps: Bool
    let showsDetails: Bool
    let showsTasks: Bool
    let isShort: Bool

    package init(
        names: [String: String], nodes: [String: String], width: Int, hasTimestamps: Bool, showsDetails: Bool,
        showsTasks: Bool, isShort: Bool
    ) {
        self.names = names
        self.nodes = nodes
        self.width = width
        self.hasTimestamps = hasTimestamps
        self.showsDetails = showsDetails
        self.showsTasks = showsTasks
        self.isShort = isShort
    }
}

/// A line of a service's logs: timestamp, details that say what it is of, message.
package struct ServiceLogLine {
    static let prefix = "com.docker.swarm."

    let timestamp: [UInt8]
    package let node: String
    let service: String
    package let task: String
    /// Details that the log driver was told to keep, in order.
    let details: [(String, String)]
    let message: [UInt8]

    /// - Throws: `ExitError` for a line that says nothing of its task.
    package init(_ bytes: [UInt8], _ style: LogLineStyle) throws {
        let count = style.hasTimestamps ? 3 : 2
        let parts = bytes.split(separator: 0x20, maxSplits: count - 1, omittingEmptySubsequences: false).map {
            Array($0)
        }
        guard parts.count == count else {
            throw ExitError(1, "invalid context in log message: \(String(decoding: bytes, as: UTF8.self))")
        }
        timestamp = style.hasTimestamps ? parts[0] : []
        message = parts[count - 1]
        var owners: [String: String] = [:]
        var rest: [(String, String)] = []
        for item in String(decoding: parts[count - 2], as: UTF8.self).split(separator: ",") {
            let (name, value) = GoText.pair(String(item))
            let plain = Self.unescaped(value ?? "")
            if name.hasPrefix(Self.prefix) { owners[name] = plain } else { rest.append((Self.unescaped(name), plain)) }
        }
        node = owners[Self.prefix + "node.id"] ?? ""
        service = owners[Self.prefix + "service.id"] ?? ""
        task = owners[Self.prefix + "task.id"] ?? ""
        details = rest.sorted { $0.0 < $1.0 }
    }

    /// `%2C` and the like.
    private static func unescaped(_ text: String) -> String {
        var result: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), bytes.count >= 2,
                let value = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                bytes = bytes.dropFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// - Parameter taskName: The slot, or for a global service the node.
    package func text(_ style: LogLineStyle, taskName: String) -> [UInt8] {
        var name = "\(style.names[service] ?? service).\(taskName)"
        if style.showsTasks { name += ".\(style.isShort ? String(task.prefix(12)) : task)" }
        name += "@\(style.nodes[node] ?? node)"
        name += String(repeating: " ", count: max(0, style.width - taskName.count)) + "    | "
        if style.showsDetails, !details.isEmpty {
            name += details.map { "\($0.0)=\($0.1)" }.joined(separator: ",") + " "
        }
        return (timestamp.isEmpty ? [] : timestamp + [0x20]) + Array(name.utf8) + message
    }
}
