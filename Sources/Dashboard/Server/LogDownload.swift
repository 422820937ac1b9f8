import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore

/// `GET /ui/v1/logs/download`: the selection's lines as a text, one a line: when, whose and where, from which stream, what.
struct LogDownload: Sendable {
    /// Lines, and bytes, of one download; what follows is left out, and that is said at the end.
    static let most = 200_000
    static let mostBytes = 64 << 20
    /// How long one may take, however slowly it is read.
    static let longest: Duration = .seconds(300)
    private static let pause: Duration = .seconds(15)

    let lines: AsyncThrowingStream<[DashboardLogLine], any Error>
    /// What tasks, containers and nodes are called.
    let names: [String: String]
    /// Whether the session is still good; asked from time to time.
    let isSignedIn: @Sendable () async -> Bool

    func answer(_ window: DashboardWindow) -> DashboardAnswer {
        var answer = DashboardAnswer(status: .ok)
        answer.fields[.contentType] = "text/plain; charset=utf-8"
        answer.fields[.cacheControl] = "no-store"
        answer.fields[.contentDisposition] = "attachment; filename=\"logs-\(window.from)-\(window.to).txt\""
        answer.body = ResponseBody { writer in
            try await write(to: &writer)
            try await writer.finish(nil)
        }
        return answer
    }

    private func write(to writer: inout any ResponseBodyWriter) async throws {
        let end = ContinuousClock.now + Self.longest
        var looked = ContinuousClock.now
        var bytes = 0
        for try await some in lines {
            if ContinuousClock.now - looked > Self.pause {
                guard await isSignedIn() else { return try await writer.write(ByteBuffer(string: "# signed out\n")) }
                looked = .now
            }
            let text = some.map(text).joined()
            bytes += text.utf8.count
            try await writer.write(ByteBuffer(string: text))
            guard bytes < Self.mostBytes, ContinuousClock.now < end else {
                return try await writer.write(ByteBuffer(string: "# what follows is left out: choose a shorter time\n"))
            }
        }
    }

    func text(_ line: DashboardLogLine) -> String {
        // What is ours cannot be taken for a line: that begins with its time.
        if line.stream == 3 { return "# \(Self.single(line.text))\n" }
        let whose = names[line.task] ?? String(line.task.prefix(12))
        let place = names[line.node] ?? String(line.node.prefix(12))
        return
            "\(line.stamp) \(place.isEmpty ? whose : "\(whose)@\(place)") \(line.stream == 2 ? "stderr" : "stdout") \(Self.single(line.text))\n"
    }

    /// A line stays one, and looks like one in a terminal.
    private static func single(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 && $0.value != 9 || $0.value == 0x7F }) else {
            return text
        }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            // As `cat -v` shows them: the pictures of control characters.
            shown.append(
                scalar.value < 0x20 && scalar.value != 9
                    ? Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}" : scalar.value == 0x7F ? "\u{2421}" : scalar)
        }
        return String(shown)
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
