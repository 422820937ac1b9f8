import Logs
import Model
import Testing

struct LogParserTests {
    private let head = "2026-11-23T06:21:52.586485768+00:00"

    @Test func `a full line is one entry with its time, stream and line end`() {
        var parser = LogParser()
        let entries = parser.parse(Array("\(head) stderr F hello\n".utf8))
        let time = Timestamp(seconds: 1_795_414_912, nanoseconds: 586_485_768)
        #expect(entries == [LogEntry(stream: .error, timestamp: time, bytes: Array("hello\n".utf8))])
        #expect(entries.first?.timestamp.fixedWidth == "2026-11-23T06:21:52.586485768Z")
    }

    @Test func `an offset from UTC is taken off`() {
        var parser = LogParser()
        let entries = parser.parse(Array("1970-01-01T02:30:01.5+02:00 stdout F x\n".utf8))
        #expect(entries.first?.timestamp == Timestamp(seconds: 1801, nanoseconds: 500_000_000))
        #expect(entries.first?.timestamp.fixedWidth == "1970-01-01T00:30:01.500000000Z")
    }

    @Test func `pieces are joined stream by stream`() {
        var parser = LogParser()
        let log =
            "\(head) stdout P one \n\(head) stderr P ERR \n\(head) stdout F two\n\(head) stderr F OR\n\(head) stdout F \n"
        #expect(texts(parser.parse(Array(log.utf8))) == ["one two\n", "ERR OR\n", "\n"])
    }

    @Test func `what has no line's end comes out at the end only`() {
        var parser = LogParser()
        #expect(parser.parse(Array("\(head) stdout P login: \n".utf8)).isEmpty)
        #expect(texts(parser.finish()) == ["login: "])
        #expect(parser.finish().isEmpty)
    }

    @Test func `a very long line comes in several entries and loses nothing`() {
        var parser = LogParser()
        let piece = String(repeating: "x", count: 8191)
        let log = String(repeating: "\(head) stdout P \(piece)\n", count: 200) + "\(head) stdout F end\n"
        let entries = parser.parse(Array(log.utf8))
        #expect(entries.count == 2 && entries.allSatisfy { $0.bytes.count < LogParser.longestEntry + 8192 })
        #expect(texts(entries).joined() == String(repeating: piece, count: 200) + "end\n")
    }

    @Test
    func `F7: pieces of a line of up to a mebibyte are joined, and of half of that where it is sent to another node`() {
        var parser = LogParser()
        let piece = String(repeating: "x", count: 8191)
        let log = String(repeating: "\(head) stdout P \(piece)\n", count: 128) + "\(head) stdout F end\n"
        #expect(texts(parser.parse(Array(log.utf8))) == [String(repeating: piece, count: 128) + "end\n"])
        var sending = LogParser(longestEntry: LogParser.longestSentEntry)
        let sent = sending.parse(Array(log.utf8))
        #expect(sent.count == 2 && sent.allSatisfy { $0.bytes.count < LogParser.longestSentEntry + 8192 })
        #expect(texts(sent).joined() == String(repeating: piece, count: 128) + "end\n")
    }

    @Test func `lines that are no log are skipped with a mark in their place`() {
        var parser = LogParser()
        let log =
            "garbage\n\(head) stdin F x\n\(head) stdout X y\n2026-13-01T00:00:00Z stdout F z\n\(head) stdout F good\n"
        let bad = log.utf8.count - "\(head) stdout F good\n".utf8.count
        #expect(
            texts(parser.parse(Array(log.utf8))) == ["[damaged log: \(bad) bytes here cannot be read]\n", "good\n"])
    }

    @Test func `zeros before a line, and a line whose end is missing, cost nothing else`() {
        var parser = LogParser()
        var entries = parser.parse(Array("\(head) stdout F one\n\0\0\0\(head) stdout F two\n\(head) stdout F th".utf8))
        entries += parser.endFile()
        entries += parser.parse(Array("\(head) stdout F four\n".utf8))
        #expect(
            texts(entries) == [
                "one\n", "[damaged log: 3 bytes here cannot be read]\n", "two\n", "th\n",
                "[damaged log: the line above is incomplete]\n", "four\n",
            ])
        #expect(texts(parser.parse(Array("\(head) stdout F fi\n# torn\n".utf8))).last?.contains("incomplete") == true)
    }

    @Test func `a line that is just being written is not taken for a torn one`() {
        var parser = LogParser()
        #expect(texts(parser.parse(Array("\(head) stdout F one\n\(head) stdo".utf8))) == ["one\n"])
        #expect(parser.finish(isOver: false).isEmpty)
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5]) func `where the bytes are cut changes nothing`(seed: UInt64) {
        var random = Seeded(state: seed)
        var log: [UInt8] = []
        for _ in 0..<300 { log += Self.line(&random, head) }
        var whole = LogParser()
        let wanted = whole.parse(log) + whole.finish()
        var cut = LogParser()
        var entries: [LogEntry] = []
        var rest = log[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...200, using: &random)
            entries += cut.parse(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        entries += cut.finish()
        #expect(entries == wanted, "seed \(seed)")
    }

    @Test(arguments: [UInt64(11), 12, 13]) func `damaged bytes never trap and never grow the output`(seed: UInt64) {
        var random = Seeded(state: seed)
        for _ in 0..<200 {
            var log: [UInt8] = []
            for _ in 0..<20 { log += Self.line(&random, head) }
            for _ in 0..<10 {
                log[Int.random(in: 0..<log.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var parser = LogParser()
            let entries = parser.parse(log) + parser.finish()
            let read = entries.filter { !$0.bytes.starts(with: Array("[damaged log: ".utf8)) }
            #expect(read.reduce(0) { $0 + $1.bytes.count } <= log.count, "seed \(seed)")
        }
    }

    private static func line(_ random: inout Seeded, _ head: String) -> [UInt8] {
        let stream = Bool.random(using: &random) ? "stdout" : "stderr"
        let mark = Bool.random(using: &random) ? "F" : "P"
        let text = String(repeating: "ä", count: Int.random(in: 0...60, using: &random))
        return Array("\(head) \(stream) \(mark) \(text)\n".utf8)
    }

    private func texts(_ entries: [LogEntry]) -> [String] { entries.map { String(decoding: $0.bytes, as: UTF8.self) } }
}

/// SplitMix64: the same numbers on every machine.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
