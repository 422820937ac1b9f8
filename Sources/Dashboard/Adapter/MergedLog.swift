import Concurrency
import DockerMessages
import EngineInterface
import Faults

/// Lines of several logs in order of time, as fast as they are asked for: of each log there is no more here than it gives at once.
actor MergedLog {
    /// How long one log may take for its next lines.
    private static let longestWait: Duration = .seconds(10)
    /// Lines that are given at once.
    private static let most = 1000
    private static let mostBytes = 256 << 10

    /// One log, read by whoever asks.
    private actor Source {
        private var iterator: AsyncThrowingStream<[OutputChunk], any Error>.Iterator
        private let line: @Sendable (OutputChunk) -> DashboardLogLine?

        init(_ log: LogStream, _ line: @escaping @Sendable (OutputChunk) -> DashboardLogLine?) {
            iterator = log.output.makeAsyncIterator()
            self.line = line
        }

        /// `nil` at its end.
        func next() async throws -> [DashboardLogLine]? {
            var current = iterator
            defer { iterator = current }
            return try await current.next(isolation: self)?.compactMap(line)
        }
    }

    private struct Head {
        let name: String
        let source: Source
        var lines: ArraySlice<DashboardLogLine> = []
        var isOver = false
    }

    private var heads: [Head] = []
    private var notes: [String] = []
    /// Of those that are not kept.
    private var moreNotes = 0
    private let fits: @Sendable (DashboardLogLine) -> Bool
    private var rest: Int
    /// A node may send what nobody has asked for without end.
    private let end = ContinuousClock.now + .seconds(300)

    /// - Parameter most: Lines; what comes after them is left out, with a note.
    init(most: Int, notes: [String] = [], fits: @escaping @Sendable (DashboardLogLine) -> Bool) {
        self.fits = fits
        self.notes = notes
        rest = most
    }

    func note(_ text: String) {
        if notes.count < LogFinds.mostNotes { notes.append(text) } else { moreNotes += 1 }
    }

    /// - Parameter name: What a note calls it.
    func add(_ log: LogStream, called name: String, _ line: @escaping @Sendable (OutputChunk) -> DashboardLogLine?) {
        heads.append(Head(name: name, source: Source(log, line)))
    }

    /// The next lines; marks of ours among them have what is missing. `nil` at the end.
    /// - Throws: `CancellationError`.
    func next() async throws -> [DashboardLogLine]? {
        var lines: [DashboardLogLine] = []
        var bytes = 0
        while lines.count < Self.most, bytes < Self.mostBytes, rest > 0 {
            for index in heads.indices where heads[index].lines.isEmpty && !heads[index].isOver {
                try await fill(index)
            }
            heads.removeAll { $0.lines.isEmpty && $0.isOver }
            let order = heads.indices.sorted { stamp($0) < stamp($1) }
            guard let first = order.first else { break }
            // Up to where another one comes.
            let bound = order.dropFirst().first.map { stamp($0) }
            let run = heads[first].lines.prefix { line in bound.map { line.stamp <= $0 } ?? true }
            let taken = run.prefix(min(rest, Self.most))
            heads[first].lines = heads[first].lines.dropFirst(taken.count)
            lines += taken
            bytes += taken.reduce(0) { $0 + $1.text.utf8.count }
            rest -= taken.count
        }
        if rest <= 0, !heads.isEmpty {
            heads = []
            note("what follows is left out: choose a shorter time, or fewer logs")
        }
        // At the end, since they may be of any time.
        if lines.isEmpty || heads.isEmpty, !notes.isEmpty {
            if moreNotes > 0 { notes.append(LogFinds.more(moreNotes)) }
            lines += notes.map { DashboardLogLine(time: 0, stamp: "", task: "", node: "", stream: 3, text: $0) }
            (notes, moreNotes) = ([], 0)
        }
        return lines.isEmpty ? nil : lines
    }

    private func stamp(_ index: Int) -> String { heads[index].lines.first?.stamp ?? "" }

    private func fill(_ index: Int) async throws {
        let (source, name) = (heads[index].source, heads[index].name)
        do {
            while heads[index].lines.isEmpty {
                guard ContinuousClock.now < end else { throw DeadlinePassed() }
                guard let more = try await withDeadline(Self.longestWait, { try await source.next() }) else {
                    heads[index].isOver = true
                    return
                }
                for line in more where line.stream == 3 { note("\(name): \(line.text)") }
                heads[index].lines = more.filter { $0.stream != 3 && fits($0) }[...]
            }
        } catch {
            try Task.checkCancellation()
            heads[index].isOver = true
            note("\(name): \(error is DeadlinePassed ? "no answer" : DockerMessage.text(of: error))")
        }
    }
}
