import DockerClient
package import Templates

/// Shows a stream of progress messages: on a terminal a line for each thing under way, which changes in place, and plain
/// lines elsewhere.
package struct ProgressDisplay {
    let isTerminal: Bool
    let columns: Int
    /// Lines of things that are under way, in the order in which they came.
    private var lines: [String: Int] = [:]

    package init(isTerminal: Bool, columns: Int) {
        self.isTerminal = isTerminal
        self.columns = columns
    }

    /// - Returns: What to write for a message.
    /// - Throws: `ExitError` with the engine's words for a message that is an error.
    package mutating func show(_ message: JSON) throws(ExitError) -> String {
        let failure = message["errorDetail"]["message"].string ?? message["error"].string
        if let failure {
            let code = message["errorDetail"]["code"].integer ?? 1
            throw ExitError(Int32(truncatingIfNeeded: code == 0 ? 1 : code), failure)
        }
        // What comes for programs only.
        if !message["aux"].isNull { return "" }
        let id = message["id"].text
        let hasProgress: Bool
        if case .object = message["progressDetail"] { hasProgress = true } else { hasProgress = false }
        var text = ""
        var distance = 0
        if !id.isEmpty, hasProgress {
            if lines[id] == nil {
                lines[id] = lines.count
                if isTerminal { text += "\n" }
            }
            distance = lines.count - (lines[id] ?? 0)
            if isTerminal { text += "\u{1b}[\(distance)A" }
        } else {
            lines = [:]
        }
        text += body(message, id, hasProgress)
        if !id.isEmpty, isTerminal, distance > 0 { text += "\u{1b}[\(distance)B" }
        return text
    }

    private func body(_ message: JSON, _ id: String, _ hasProgress: Bool) -> String {
        let stream = message["stream"].text
        let bar = hasProgress ? Self.bar(message["progressDetail"], columns: columns) : ""
        if !isTerminal, !bar.isEmpty { return "" }
        let isInPlace = isTerminal && stream.isEmpty && hasProgress
        var text = isInPlace ? "\u{1b}[2K\r" : ""
        if !id.isEmpty { text += "\(id): " }
        if isInPlace { return text + "\(message["status"].text) \(bar)\r" }
        if !stream.isEmpty { return text + stream }
        return text + "\(message["status"].text)\n"
    }

    /// `[====>    ]  1.2MB/3.4MB`.
    package static func bar(_ detail: JSON, columns: Int) -> String {
        let current = detail["current"].double ?? 0
        let total = detail["total"].double ?? 0
        if current <= 0, total <= 0 { return "" }
        func padded(_ text: String) -> String { String(repeating: " ", count: max(0, 8 - text.count)) + text }
        let unit = detail["units"].text
        // Any number may come; not every one is an integer here.
        func whole(_ value: Double) -> String {
            Int64(exactly: value.rounded(.towardZero)).map { "\($0)" } ?? "\(value)"
        }
        func amount(_ value: Double) -> String { unit.isEmpty ? Units.size(value) : whole(value) }
        if total <= 0 { return unit.isEmpty ? padded(amount(current)) : "\(whole(current)) \(unit)" }
        let percent = current / total * 100
        let parts = percent.isNaN ? 0 : Int(min(max(percent, 0), 100)) / 2
        var text = ""
        if columns > 110 {
            text =
                "[" + String(repeating: "=", count: parts) + ">" + String(repeating: " ", count: 50 - parts) + "] "
        }
        guard !detail["hidecounts"].isTrue else { return text }
        text += padded(amount(current))
        if current <= total { text += "/\(amount(total))" }
        return unit.isEmpty ? text : text + " \(unit)"
    }

    /// Shows all messages of an answer on a descriptor.
    static func run(_ client: DaemonClient, _ request: Request, descriptor: CInt) async throws {
        let isTerminal = Console.isTerminal(descriptor)
        var display = ProgressDisplay(isTerminal: isTerminal, columns: Terminal.size(descriptor)?.columns ?? 200)
        try await client.values(request) { message in
            Console.write(descriptor, Array(try display.show(message).utf8))
        }
    }
}
