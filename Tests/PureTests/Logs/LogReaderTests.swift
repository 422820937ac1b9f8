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

    @Test func `F7: a tail has a line of a mebibyte whole, also where the other stream's lie between its pieces`()
        async throws
    {
        try await withLog { log, watcher in
            let piece = String(repeating: "x", count: 8191)
            let pieces = String(repeating: "\(head(1)) stderr P \(piece)\n", count: 128)
            let end = "\(head(1)) stdout F between\n\(head(1)) stderr F end\n"
            try write(log.path, lines(0..<3) + "\(head(1)) stderr F first\n" + pieces + end)
            var request = LogSelection()
            request.tail = 1
            let whole = String(repeating: piece, count: 128) + "end\n"
            #expect(try await read(log, watcher, request) == [whole])
            // What is sent to another node is cut, and counted as it is cut.
            let parts = LogReader(path: log.path, watcher: watcher, longestEntry: LogParser.longestSentEntry).parts(
                request, isOver: true)
            let last = try await collect(parts)
            #expect(last.count == 1 && last.allSatisfy { whole.hasSuffix($0) && $0.utf8.count < whole.utf8.count })
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
                try log.takeUp(count: 100)
                try write(log.path, lines(start..<start + 5), append: true)
                try begin(log, lines(start + 5..<start + 10))
            }
            end.finish()
            let seen = try await all
            #expect(seen == (0..<55).map { "line \($0)\n" })
        }
    }

    @Test(arguments: [1, 3]) func `so many files are kept, and each is read once`(count: Int) async throws {
        try await withLog { log, watcher in
            try log.takeUp(count: count)
            #expect(try Files.list(log.directory) == [])
            for round in 0..<7 {
                try begin(log, lines(round..<round + 1))
                let first = max(0, round - count + 1)
                // Whether the full file has its number yet or not.
                let before = try await read(log, watcher, LogSelection())
                #expect(before == (0...round).map { "line \($0)\n" }.suffix(before.count))
                #expect(before.count >= min(round + 1, count))
                #expect(try log.takeUp(count: count) == Int64(lines(0..<1).utf8.count))
                #expect(try await read(log, watcher, LogSelection()) == (first...round).map { "line \($0)\n" })
                var last = LogSelection()
                last.tail = 1
                #expect(try await read(log, watcher, last) == ["line \(round)\n"])
            }
            #expect(try log.numbers().count == count - 1)
            try log.remove()
            #expect(try Files.list(log.directory) == [])
        }
    }

    @Test func `files that nobody could take up in time are gone, and the rest is in order`() async throws {
        try await withLog { log, watcher in
            try write(log.path, lines(0..<2))
            try log.takeUp(count: 5)
            for round in 1..<5 { try begin(log, lines(round * 2..<round * 2 + 2)) }
            #expect(try await read(log, watcher, LogSelection()) == [0, 1, 8, 9].map { "line \($0)\n" })
            try log.takeUp(count: 5)
            #expect(try await read(log, watcher, LogSelection()) == [0, 1, 8, 9].map { "line \($0)\n" })
        }
    }

    @Test func `a follower whose file is lost goes on in the one after it, never in one before`() async throws {
        try await withLog { log, watcher in
            try write(log.path, lines(0..<1))
            try log.takeUp(count: 5)
            try begin(log, lines(1..<2))
            var request = LogSelection()
            request.follows = true
            let (ended, end) = AsyncStream.makeStream(of: Void.self)
            let parts = LogReader(path: log.path, watcher: watcher).parts(request, isOver: false) {
                for await _ in ended {}
            }
            var seen: [String] = []
            for try await part in parts {
                seen += part.entries.map { String(decoding: $0.bytes, as: UTF8.self) }
                if seen.count == 2 {
                    // What is being read has no second name yet, and is lost.
                    try begin(log, lines(2..<3))
                    try log.takeUp(count: 5)
                    end.finish()
                }
            }
            #expect(seen == (0..<3).map { "line \($0)\n" })
        }
    }

    @Test func `a file that was full before its monitor began gets its number then`() async throws {
        try await withLog { log, watcher in
            for round in 0..<4 {
                let bytes = try log.settle(limit: 100, count: 3)
                #expect(bytes == [100, 100 - Int64(lines(0..<1).utf8.count), 50, 100][round])
                try write(log.path, lines(round..<round + 1), append: true)
            }
            #expect(try log.numbers() == [1])
            #expect(try await read(log, watcher, LogSelection()) == (0..<4).map { "line \($0)\n" })
        }
    }

    /// Without optimisation, on a machine that may be busy: one of a few tries must be fast.
    @Test func `a log is read at more than ten megabytes a second`() async throws {
        try await withLog { log, watcher in
            let line = "stdout F a line as programs write them, neither long nor short\n"
            let text = (0..<100_000).map { "2026-11-23T06:21:52.\(100_000_000 + $0 / 50)+00:00 \(line)" }.joined()
            try write(log.path, text)
            var best = Duration.seconds(99)
            for _ in 0..<5 {
                let begun = ContinuousClock.now
                var count = 0
                for try await part in LogReader(path: log.path, watcher: watcher).parts(LogSelection(), isOver: true) {
                    count += part.entries.count
                }
                #expect(count == 100_000)
                best = min(best, ContinuousClock.now - begun)
            }
            let speed = Double(text.utf8.count) / (best / .seconds(1)) / 1e6
            print("read a log at \(Int(speed)) MB/s")
            #expect(speed > 10)
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

/// A new file as conmon begins it: under a name of its own, renamed.
private func begin(_ log: LogSegments, _ text: String) throws {
    try write(log.path + ".tmp", text)
    try Files.rename(log.path + ".tmp", to: log.path)
}

private func write(_ path: String, _ text: String, append: Bool = false) throws {
    try Descriptor.open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC)).writeAll(Array(text.utf8))
}
