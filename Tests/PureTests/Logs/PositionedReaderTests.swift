import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Logs

@Suite(.timeLimit(.minutes(1))) struct PositionedReaderTests {
    /// What conmon writes: streams taking turns, lines in pieces, damage, rotations.
    /// - Parameter sameStamps: How likely a line has the one before's, as lines of one read have.
    private func write(_ log: LogSegments, seed: UInt64, sameStamps: Int = 0) throws {
        var random = SeededGenerator(seed: seed)
        var clock = 0
        for file in 0..<4 {
            var text = ""
            for _ in 0..<Int.random(in: 5...40, using: &random) {
                if Int.random(in: 0..<100, using: &random) >= sameStamps { clock += 1 }
                let stream =
                    Int.random(in: 0..<100, using: &random) < (sameStamps > 0 ? 90 : 50) ? "stdout" : "stderr"
                let mark = Int.random(in: 0..<(sameStamps > 0 ? 8 : 3), using: &random) == 0 ? "P" : "F"
                let word = String(repeating: "é\(clock)", count: Int.random(in: 0...30, using: &random))
                text += "\(Timestamp(seconds: Int64(clock)).fixedWidth) \(stream) \(mark) \(word)\n"
                if Int.random(in: 0..<20, using: &random) == 0 { text += "damaged \(clock)\n" }
            }
            let begun = file == 0 ? log.path : log.path + ".tmp"
            try Descriptor.open(begun, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600).writeAll(Array(text.utf8))
            if file > 0 { try Files.rename(begun, to: log.path) }
            try log.takeUp(count: 10)
        }
    }

    private func all(_ log: LogSegments, from position: LogPosition, cut: Int = 40) throws -> [PositionedReader.Entry] {
        let reader = PositionedReader(path: log.path, from: position, longestText: cut)
        var entries: [PositionedReader.Entry] = []
        while let next = try reader.read() { entries += next }
        #expect(!reader.takeLoss())
        return entries + reader.finish()
    }

    @Test(arguments: UInt64(0)..<25) func `from every position it goes on with nothing left out and nothing twice`(
        seed: UInt64
    )
        throws
    {
        let directory = try TemporaryDirectory()
        let log = LogSegments(path: directory.path + "/log")
        try write(log, seed: seed)
        let whole = try all(log, from: LogPosition())
        #expect(whole.count > 20)
        #expect(Set(whole.map(\.position.key)).count == whole.count, "no position is two lines'")
        for (index, entry) in whole.enumerated() where index % 3 == 0 || entry.position.pieces > 0 {
            let rest = try all(log, from: entry.position)
            #expect(rest.map(\.text) == whole[(index + 1)...].map(\.text), "seed \(seed), behind \(index)")
        }
    }

    /// Everything, line by line; those of an entry have its position.
    private func lines(_ entries: [PositionedReader.Entry]) -> [PositionedReader.Entry] {
        entries.flatMap { entry -> [PositionedReader.Entry] in
            guard entry.lines > 1 else { return [entry] }
            let texts = entry.text.split(separator: 10, omittingEmptySubsequences: false)
            #expect(texts.count == entry.lines)
            return texts.map { text in
                var line = entry
                (line.text, line.lines) = (Array(text), 1)
                return line
            }
        }
    }

    @Test(arguments: UInt64(0)..<40)
    func `lines that come together are the same lines, and reading goes on behind them`(
        seed: UInt64
    ) throws {
        let directory = try TemporaryDirectory()
        let log = LogSegments(path: directory.path + "/log")
        try write(log, seed: seed, sameStamps: 85)
        func all(from position: LogPosition, joins: Bool) throws -> [PositionedReader.Entry] {
            let reader = PositionedReader(path: log.path, from: position, joins: joins)
            var entries: [PositionedReader.Entry] = []
            while let next = try reader.read() { entries += next }
            return entries + reader.finish()
        }
        let whole = try all(from: LogPosition(), joins: false)
        let joined = try all(from: LogPosition(), joins: true)
        #expect(joined.count < whole.count && joined.contains { $0.lines > 2 })
        var reached = -1
        for entry in joined {
            reached += entry.lines
            #expect(entry.position == whole[reached].position, "seed \(seed)")
        }
        #expect(reached == whole.count - 1)
        for (line, plain) in zip(lines(joined), whole) {
            #expect((line.stream, line.time) == (plain.stream, plain.time))
            #expect((line.text, line.endsLine) == (plain.text, plain.endsLine))
        }
        // From wherever somebody has come to, by whichever way.
        for (index, entry) in whole.enumerated() {
            let rest = try lines(all(from: entry.position, joins: true))
            #expect(rest.map(\.text) == whole[(index + 1)...].map(\.text), "seed \(seed), behind \(index)")
        }
    }

    @Test func `what comes together is bound, and a line in pieces is by itself`() throws {
        let directory = try TemporaryDirectory()
        let log = LogSegments(path: directory.path + "/log")
        let head = "\(Timestamp(seconds: 1).fixedWidth) stdout F "
        let long = String(repeating: "x", count: 5000)
        let shortLines = String(repeating: "\(head)short\n", count: 250)
        let longLines = String(repeating: "\(head)\(long)\n", count: 9)
        // Longer than an entry: what it ends with is no line of its own.
        let piece = "\(head.dropLast(2))P \(String(repeating: "p", count: 8000))\n"
        let pieces = String(repeating: piece, count: 140)
        let text = "\(shortLines)\(longLines)\(pieces)\(head)end\n\(head)next\n\(head)last\n"
        try Descriptor.open(log.path, O_WRONLY | O_CREAT, mode: 0o600).writeAll(Array(text.utf8))
        let reader = PositionedReader(path: log.path, from: LogPosition(), joins: true)
        var entries: [PositionedReader.Entry] = []
        while let next = try reader.read() { entries += next }
        #expect(entries.allSatisfy { $0.lines <= PositionedReader.mostJoinedLines })
        #expect(entries.prefix(2).map(\.lines) == [100, 100])
        #expect(entries.allSatisfy { $0.lines == 1 || $0.text.count < 16 << 10 })
        let cut = try #require(entries.lastIndex { !$0.endsLine })
        #expect(entries[cut].lines == 1 && entries[cut + 1].lines == 1)
        let ending: [UInt8] = Array(entries[cut + 1].text.suffix(3))
        #expect(ending == Array("end".utf8))
        #expect(entries[cut + 2].text == Array("next\nlast".utf8) && entries[cut + 2].lines == 2)
    }

    @Test func `pieces are cut between characters`() throws {
        let directory = try TemporaryDirectory()
        let log = LogSegments(path: directory.path + "/log")
        let word = String(repeating: "漢", count: 100)
        let out = try Descriptor.open(log.path, O_WRONLY | O_CREAT, mode: 0o600)
        try out.writeAll(Array("\(Timestamp(seconds: 1).fixedWidth) stdout F \(word)\n".utf8))
        let entries = try all(log, from: LogPosition(), cut: 50)
        #expect(entries.allSatisfy { String(validating: $0.text, as: UTF8.self) != nil && $0.text.count <= 50 })
        #expect(entries.flatMap(\.text) == Array(word.utf8))
        #expect(entries.map(\.endsLine) == Array(repeating: false, count: entries.count - 1) + [true])
    }

    @Test func `files that went unread are noticed`() throws {
        let directory = try TemporaryDirectory()
        let log = LogSegments(path: directory.path + "/log")
        try write(log, seed: 1)
        let first = try all(log, from: LogPosition())[0]
        let reader = PositionedReader(path: log.path, from: first.position)
        let numbers = try log.numbers()
        try #require(numbers.count >= 2)
        try Files.remove(log.rotated(numbers[0]))
        #expect(try reader.read() != nil)
        #expect(reader.takeLoss())
        #expect(!reader.takeLoss())
    }
}

/// Removed with the object.
private final class TemporaryDirectory {
    let path: String

    init() throws {
        path = "/tmp/apus-positions-\(RandomID.hex(bytes: 6))"
        try Files.makeDirectories(path)
    }

    deinit {
        // Nothing of it is needed any more.
        try? Files.removeTree(path)
    }
}
