import Glibc
import LinuxSystem
import Logs
import Model
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogReaderTests {
    @Test func `all files are read in order`() async throws {
        try await withLog { log, watcher in
            try write(log.rotated(2), lines(0..<10))
            try write(log.rotated(10), lines(10..<20))
            try write(log.path, lines(20..<30))
            try write(log.path + ".tmp", lines(90..<99))
            #expect(try await read(log, watcher, LogSelection()) == (0..<30).map { "line \($0)\n" })
        }
    }

    @Test func `the tail counts joined lines, across files`() async throws {
        try await withLog { log, watcher in
            try write(log.rotated(1), lines(0..<5000))
            try write(log.path, lines(5000..<5003) + "\(head(9)) stdout P pro\n\(head(9)) stdout P mpt\n")
            for (tail, first) in [(0, 5003), (1, 5003), (2, 5002), (5, 4999), (3000, 2004), (9999, 0)] {
                var request = LogSelection()
                request.tail = tail
                let wanted = (first..<5003).map { "line \($0)\n" } + (tail == 0 ? [] : ["prompt"])
                #expect(try await read(log, watcher, request) == wanted, "tail \(tail)")
            }
        }
    }

    @Test func `a line in pieces is not cut by a tail that begins in it`() async throws {
        try await withLog { log, watcher in
            let pieces =
                "\(head(1)) stdout P be\n\(head(1)) stderr F e1\n\(head(1)) stderr F e2\n\(head(1)) stdout F gin\n"
            try write(log.path, lines(0..<50) + pieces)
            var request = LogSelection()
            request.tail = 2
            #expect(try await read(log, watcher, request) == ["e2\n", "begin\n"])
        }
    }

    @Test func `since and until choose`() async throws {
        try await withLog { log, watcher in
            let log1 = (0..<10).map { "\(head($0)) \($0 % 2 == 0 ? "stdout" : "stderr") F \($0)\n" }.joined()
            try write(log.path, log1)
            var request = LogSelection()
            request.since = Timestamp(seconds: 3)
            request.until = Timestamp(seconds: 7)
            #expect(try await read(log, watcher, request) == ["3\n", "4\n", "5\n", "6\n", "7\n"])
        }
    }

    @Test func `following until a moment that no clock reaches ends with the container`() async throws {
        try await withLog { log, watcher in
            try write(log.path, lines(0..<5))
            for seconds in [9_223_372_037, Int64.max] {
                var request = LogSelection()
                request.follows = true
                request.until = Timestamp(seconds: seconds)
                let parts = LogReader(path: log.path, watcher: watcher).parts(request, isOver: false) {}
                #expect(try await collect(parts) == (0..<5).map { "line \($0)\n" })
            }
        }
    }

    @Test func `following sees every line over several rotations and ends with the container`() async throws {
        try await withLog { log, watcher in
            try write(log.path, lines(0..<5))
            var request = LogSelection()
            request.follows = true
            let (ended, end) = AsyncStream.makeStream(of: Void.self)
            let parts = LogReader(path: log.path, watcher: watcher).parts(request, isOver: false) {
                for await _ in ended {}
            }
            async let all = collect(parts)
            for round in 0..<5 {
                let start = 5 + round * 10
                _ = try await log.rotate(limit: 1, count: 100) {
                    // As conmon does: late lines to the old file, then a new one under a name of its own, renamed.
                    try write(log.rotated(round + 1), lines(start..<start + 5), append: true)
                    try write(log.path + ".tmp", lines(start + 5..<start + 10))
                    try Files.rename(log.path + ".tmp", to: log.path)
                }
            }
            end.finish()
            let seen = try await all
            #expect(seen == (0..<55).map { "line \($0)\n" })
        }
    }

    @Test func `rotation keeps so many files and puts the log back when there is no writer`() async throws {
        try await withLog { log, _ in
            try write(log.path, "short")
            #expect(try await log.rotate(limit: 100, count: 3) {} == false)
            for _ in 0..<5 {
                try write(log.path, String(repeating: "x", count: 100))
                #expect(try await log.rotate(limit: 100, count: 3) { try write(log.path, "") })
            }
            #expect(try log.numbers() == [4, 5])
            try write(log.path, String(repeating: "y", count: 100))
            await #expect(throws: LogError.self) {
                _ = try await log.rotate(limit: 100, count: 3) { throw LogError("no conmon") }
            }
            #expect(try log.numbers() == [4, 5])
            #expect(try Files.text(log.path) == String(repeating: "y", count: 100))
            // A daemon was killed after it had put the file aside: the next one goes on from there.
            try Files.rename(log.path, to: log.rotated(6))
            #expect(try await log.rotate(limit: 1000, count: 3) { try write(log.path, "") })
            #expect(try log.numbers() == [5, 6])
        }
    }

    private func withLog(_ body: (LogSegments, FileWatcher) async throws -> Void) async throws {
        let directory = "/tmp/apus-log-\(RandomID.hex(bytes: 6))"
        try Files.makeDirectories(directory)
        do {
            try await body(LogSegments(path: directory + "/log"), try FileWatcher())
        } catch {
            try Files.removeTree(directory)
            throw error
        }
        try Files.removeTree(directory)
    }

    private func read(_ log: LogSegments, _ watcher: FileWatcher, _ request: LogSelection) async throws -> [String] {
        try await collect(LogReader(path: log.path, watcher: watcher).parts(request, isOver: true))
    }

    private func collect(_ parts: AsyncThrowingStream<LogPart, any Error>) async throws -> [String] {
        var all: [String] = []
        for try await part in parts { all += part.entries.map { String(decoding: $0.bytes, as: UTF8.self) } }
        return all
    }
}

private func head(_ second: Int) -> String { "1970-01-01T00:00:0\(second)+00:00" }

private func lines(_ range: Range<Int>) -> String { range.map { "\(head(1)) stdout F line \($0)\n" }.joined() }

private func write(_ path: String, _ text: String, append: Bool = false) throws {
    try Descriptor.open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC)).writeAll(Array(text.utf8))
}
