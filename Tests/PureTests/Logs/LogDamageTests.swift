import Glibc
import LinuxSystem
import Logs
import Model
import TestKit
import Testing

/// Logs that a crash has damaged, and logs that are large.
@Suite(.timeLimit(.minutes(2))) struct LogDamageTests {
    /// The bytes of one line, and where it lies in its file.
    private struct Line {
        let file: Int
        let range: Range<Int>
        let text: String
    }

    @Test(arguments: Array(UInt64(1)...60))
    func `F3: a file that is cut at any byte, or lost a stretch to zeros, costs no other line`(seed: UInt64)
        async throws
    {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let log = LogSegments(path: directory + "/log")
            var lines: [Line] = []
            var files: [[UInt8]] = []
            for file in 0..<3 {
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...60, using: &random) {
                    let text =
                        "\(lines.count):" + String(repeating: "x", count: Int.random(in: 0...300, using: &random))
                    let stream = Bool.random(using: &random) ? "stdout" : "stderr"
                    let line = Array("\(stamp(lines.count)) \(stream) F \(text)\n".utf8)
                    lines.append(Line(file: file, range: bytes.count..<bytes.count + line.count, text: text + "\n"))
                    bytes += line
                }
                files.append(bytes)
            }
            let file = Int.random(in: 0..<3, using: &random)
            let start = Int.random(in: 0..<files[file].count, using: &random)
            var end = files[file].count
            if Bool.random(using: &random) {
                end = Int.random(in: start..<files[file].count, using: &random) + 1
                for index in start..<end { files[file][index] = 0 }
            } else {
                files[file].removeSubrange(start...)
            }
            for (number, path) in [log.rotated(3), log.rotated(4), log.path].enumerated() {
                try Descriptor.open(path, O_WRONLY | O_CREAT).writeAll(files[number])
            }
            let touched = lines.filter { $0.file == file && $0.range.overlaps(start..<end) }
            let whole = lines.filter { line in !touched.contains { $0.text == line.text } }.map(\.text)
            let read = try await texts(log, LogSelection())
            let seen = read.filter { whole.contains($0) }
            #expect(seen == whole, "seed \(seed)")
            let isAtLineStart = touched.first.map { $0.range.lowerBound == start } ?? true
            if !isAtLineStart || (end < files[file].count && end > start) {
                #expect(read.count > whole.count, "nothing says what is missing, seed \(seed)")
            }
            // The next monitor writes behind what was left.
            if file == 2, end == files[2].count || start == files[2].count {
                try log.mend()
                try Descriptor.open(log.path, O_WRONLY | O_APPEND).writeAll(
                    Array("\(stamp(9999)) stdout F next\n".utf8))
                #expect(
                    try await texts(log, LogSelection()).filter { whole.contains($0) || $0 == "next\n" } == whole + [
                        "next\n"
                    ])
            }
        }
    }

    @Test func `F3: two gibibytes are searched for a moment, and for the last lines, in less than a tenth of a second`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            let stride = 60 << 10
            let count = (1 << 30) / stride
            // Lines of zeros, which the file system does not keep.
            for (index, path) in [log.rotated(1), log.path].enumerated() {
                let file = try Descriptor.open(path, O_WRONLY | O_CREAT)
                for line in 0..<count {
                    let number = index * count + line
                    let head = Array("\(stamp(number)) \(number % 2 == 0 ? "stdout" : "stderr") F \(number) ".utf8)
                    let start = off_t(line * stride)
                    try check(pwrite(file.raw, head, head.count, start), "write")
                    try check(pwrite(file.raw, [UInt8(ascii: "\n")], 1, start + off_t(stride) - 1), "write")
                }
            }
            for number in [2 * count - 3, count + 5, count - 2] {
                var since = LogSelection()
                since.since = Timestamp(seconds: Int64(number))
                since.until = Timestamp(seconds: Int64(number + 1))
                try await expectFast([number, number + 1]) { try await first(log, since, 2) }
            }
            var tail = LogSelection()
            tail.tail = 2
            try await expectFast([2 * count - 2, 2 * count - 1]) { try await first(log, tail, 2) }
        }
    }

    /// The machine may be busy: one of a few tries must be fast.
    private func expectFast(_ wanted: [Int], _ read: () async throws -> [Int]) async throws {
        var best = Duration.seconds(99)
        for _ in 0..<5 {
            let begun = ContinuousClock.now
            #expect(try await read() == wanted)
            best = min(best, ContinuousClock.now - begun)
        }
        print("found lines \(wanted) of two gibibytes in \(best)")
        #expect(best < .milliseconds(100))
    }

    private func first(_ log: LogSegments, _ selection: LogSelection, _ count: Int) async throws -> [Int] {
        var numbers: [Int] = []
        for try await part in LogReader(path: log.path, watcher: try FileWatcher()).parts(selection, isOver: true) {
            numbers += part.entries.compactMap { Int(String(decoding: $0.bytes.prefix { $0 != 32 }, as: UTF8.self)) }
            if numbers.count >= count { break }
        }
        return numbers
    }

    @Test func `F3: no reader leaves a descriptor open, whether it reads to the end or not`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            let lines = (0..<1000).map { "\(stamp($0)) stdout F \($0)\n" }.joined()
            for path in [log.rotated(1), log.path] {
                try Descriptor.open(path, O_WRONLY | O_CREAT).writeAll(Array(lines.utf8))
            }
            let watcher = try FileWatcher()
            for round in 0..<30 {
                var selection = LogSelection()
                selection.follows = round % 3 == 0
                selection.tail = round % 2 == 0 ? 10 : nil
                if round % 5 == 0 { selection.since = Timestamp(seconds: 800) }
                let parts = LogReader(path: log.path, watcher: watcher).parts(selection, isOver: true) {
                    // Goes on for as long as somebody reads.
                    while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
                }
                for try await part in parts where !part.entries.isEmpty && round % 3 < 2 { break }
            }
            try await eventually("all descriptors are closed") {
                try Files.list("/proc/self/fd").allSatisfy { name in
                    // One that is closed meanwhile has no name.
                    (try? Files.link("/proc/self/fd/\(name)"))?.hasPrefix(directory) != true
                }
            }
        }
    }

    private func stamp(_ second: Int) -> String {
        String(Timestamp(seconds: Int64(second)).fixedWidth.dropLast()) + "+00:00"
    }

    private func texts(_ log: LogSegments, _ selection: LogSelection) async throws -> [String] {
        var all: [String] = []
        for try await part in LogReader(path: log.path, watcher: try FileWatcher()).parts(selection, isOver: true) {
            all += part.entries.map { String(decoding: $0.bytes, as: UTF8.self) }
        }
        return all
    }
}
