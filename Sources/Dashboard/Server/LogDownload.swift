import Concurrency
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// `GET /ui/v1/logs/download`: the selection's lines as a text, one a line: when, whose and where, from which stream, what.
struct LogDownload: Sendable {
    /// Lines, and bytes, of one download; what follows is left out, and that is said at the end.
    static let most = 200_000
    static let mostBytes = 64 << 20
    /// How long one may take, however slowly it is read.
    static let longest: Duration = .seconds(300)
    /// How often the session is looked at, and how long an answer that is over may take to say so.
    private static let pause: Duration = .seconds(15)

    /// Why one ends before its lines do.
    private enum End {
        case late, signedOut, gone
    }

    private enum Next {
        case lines([DashboardLogLine])
        /// `nil` when there are no more lines.
        case over(End?)
    }

    let lines: AsyncThrowingStream<[DashboardLogLine], any Error>
    /// What tasks, containers and nodes are called.
    let names: [String: String]
    /// Whether the session is still good; asked from time to time.
    let isSignedIn: @Sendable () async -> Bool
    /// Returns when nobody reads it any more, or when the task is cancelled.
    let departure: @Sendable () async -> Void
    /// Ends the connection or stream, so that a write that waits for room fails.
    let close: @Sendable () -> Void

    func answer(_ window: DashboardWindow) -> DashboardAnswer {
        var answer = DashboardAnswer(status: .ok)
        answer.fields[.contentType] = "text/plain; charset=utf-8"
        answer.fields[.cacheControl] = "no-store"
        answer.fields[.contentDisposition] = "attachment; filename=\"logs-\(window.from)-\(window.to).txt\""
        answer.body = ResponseBody { writer in
            try await write(to: &writer)
        }
        return answer
    }

    /// A write waits as long as nobody reads, and a log may be silent for long: what ends the answer is looked for beside both.
    private func write(to writer: inout any ResponseBodyWriter) async throws {
        let end = ObservableValue<End?>(nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Task.sleep(for: Self.longest)
                try await stop(.late, end)
            }
            group.addTask {
                repeat { try await Task.sleep(for: Self.pause) } while await isSignedIn()
                try await stop(.signedOut, end)
            }
            group.addTask {
                // Thrown when the connection ends: the group does as well.
                try await gracefulShutdown()
                end.set(.gone)
                close()
            }
            group.addTask {
                await departure()
                end.set(.gone)
            }
            defer { group.cancelAll() }
            try await pass(end, to: &writer)
        }
    }

    /// Lets the answer say why it is over, and closes when it does not come to that since nobody reads it.
    private func stop(_ why: End, _ end: ObservableValue<End?>) async throws {
        end.set(why)
        try await Task.sleep(for: Self.pause)
        close()
    }

    private func pass(_ end: ObservableValue<End?>, to writer: inout any ResponseBodyWriter) async throws {
        var bytes = 0
        while true {
            var last: String?
            switch try await next(end) {
            case .lines(let some):
                let text = some.map { self.text($0) }.joined()
                bytes += text.utf8.count
                try await writer.write(ByteBuffer(string: text))
                if bytes >= Self.mostBytes { last = "# what follows is left out: choose a shorter time\n" }
            case .over(nil): last = ""
            case .over(.late?): last = "# what follows is left out: choose a shorter time\n"
            case .over(.signedOut?): last = "# signed out\n"
            case .over(.gone?): throw CancellationError()
            }
            guard let words = last else { continue }
            if !words.isEmpty { try await writer.write(ByteBuffer(string: words)) }
            return try await writer.finish(nil)
        }
    }

    /// Lines, or that there are no more, or that the answer is over, whichever comes first.
    private func next(_ end: ObservableValue<End?>) async throws -> Next {
        // Lines that are always there at once must not hide it.
        if let why = end.value { return .over(why) }
        return try await withThrowingTaskGroup(of: Next.self) { group in
            group.addTask {
                // Each iterator goes on where the one before has stopped.
                var iterator = lines.makeAsyncIterator()
                guard let some = try await iterator.next() else { return .over(nil) }
                return .lines(some)
            }
            group.addTask {
                let why: End = try await end.wait { $0 }
                return .over(why)
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    func text(_ line: DashboardLogLine) -> String {
        // What is ours cannot be taken for a line: that begins with its time.
        if line.stream == 3 { return Self.single("# \(line.text)") + "\n" }
        let whose = names[line.task] ?? String(line.task.prefix(12))
        let place = names[line.node] ?? String(line.node.prefix(12))
        let origin = place.isEmpty ? whose : "\(whose)@\(place)"
        // Names, too, are of others.
        return Self.single("\(line.stamp) \(origin) \(line.stream == 2 ? "stderr" : "stdout") \(line.text)") + "\n"
    }

    /// A line stays one, and looks like one in a terminal.
    private static func single(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { sign(for: $0) != nil }) else { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { shown.append(sign(for: scalar) ?? scalar) }
        return String(shown)
    }

    /// What is shown in the place of what would move, hide or turn round other text; `nil` for what is shown as it is.
    private static func sign(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar.value {
        case 9, 0x20..<0x7F: return nil
        // As `cat -v` shows them: the pictures of control characters.
        case ..<0x20: return Unicode.Scalar(0x2400 + scalar.value)
        case 0x7F: return "\u{2421}"
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: return "\u{FFFD}"
            default: return nil
            }
        }
    }
}

extension DashboardState {
    /// What people call tasks, containers and nodes, by their ids.
    var names: [String: String] {
        let services = Dictionary(services.map { ($0.id, $0.name) }) { first, _ in first }
        var names = Dictionary(nodes.map { ($0.id, $0.name) }) { first, _ in first }
        for container in containers { names[container.id] = container.name }
        for task in tasks {
            let service = services[task.service] ?? String(task.service.prefix(12))
            let place = task.slot.map(String.init) ?? task.node.flatMap { names[$0] } ?? ""
            names[task.id] = "\(service).\(place)"
        }
        return names
    }
}
