import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Logs

@Suite(.timeLimit(.minutes(1))) struct PositionedReaderTests {
    /// What conmon writes: streams taking turns, lines in pieces, damage, rotations.
    private func write(_ log: LogSegments, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var clock = 0
        for file in 0..<4 {
            var text = ""
            for _ in 0..<Int.random(in: 5...40, using: &random) {
                clock += 1
                let stream = Bool.random(using: &random) ? "stdout" : "stderr"
                let mark = Int.random(in: 0..<3, using: &random) == 0 ? "P" : "F"
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
