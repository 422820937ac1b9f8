import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Logs

/// What is read of a large log for a small part of it.
@Suite(.timeLimit(.minutes(2))) struct LogCostTests {
    private static let line = String(repeating: "0123456789", count: 20)
    private static let perSecond = 100

    private static func text(_ numbers: Range<Int>) -> String {
        numbers.map { number in
            "\(Timestamp(seconds: Int64(1000 + number / perSecond)).fixedWidth) stdout F \(number) \(line)\n"
        }.joined()
    }

    /// One file after the other, each with so many lines.
    private func write(_ log: LogSegments, files: Int, lines: Int) throws {
        for file in 0..<files {
            let path = file < files - 1 ? log.rotated(file + 1) : log.path
            let out = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            for start in stride(from: file * lines, to: (file + 1) * lines, by: 1000) {
                try out.writeAll(Array(Self.text(start..<start + 1000).utf8))
            }
        }
    }

    /// Bytes that this thread reads meanwhile, from whatever there is (proc_pid_io(5)).
    private func bytesRead(_ body: () throws -> Void) throws -> Int {
        func count() throws -> Int {
            let text = try #require(try Files.text("/proc/thread-self/io"))
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("rchar:") })
            return try #require(Int(line.dropFirst("rchar: ".count)))
        }
        let before = try count()
        let own = try count() - before
        try body()
        return try count() - before - 2 * own
    }

    /// The numbers of the lines from a moment on, and what was read for it.
    private func since(_ second: Int, _ log: LogSegments) throws -> (numbers: [Int], bytes: Int) {
        var numbers: [Int] = []
        let since = Timestamp(seconds: Int64(second))
        let bytes = try bytesRead {
            let chain = SegmentChain(log)
            if let place = try TimeFinder(files: log).find(since) {
                try chain.seek(to: place.segment, offset: place.offset)
            }
            var parser = LogParser()
            while let block = try chain.read() { numbers += numbered(parser.parse(block.bytes), since) }
        }
        return (numbers, bytes)
    }

    private func tail(_ count: Int, _ log: LogSegments) throws -> (numbers: [Int], bytes: Int) {
        var numbers: [Int] = []
        let bytes = try bytesRead {
            let place = try #require(try TailFinder(files: log, isOver: true).find(count))
            let chain = SegmentChain(log)
            try chain.seek(to: place.segment, offset: place.offset)
            var parser = LogParser()
            while let block = try chain.read() { numbers += numbered(parser.parse(block.bytes), Timestamp(seconds: 0)) }
            numbers.removeFirst(place.skip)
        }
        return (numbers, bytes)
    }

    private func numbered(_ entries: [LogEntry], _ since: Timestamp) -> [Int] {
        entries.filter { $0.timestamp >= since }.compactMap {
            Int(String(decoding: $0.bytes.prefix { $0 != 32 }, as: UTF8.self))
        }
    }

    /// What is looked at besides: where a line in pieces may have begun, of the stream that writes nothing.
    private static let margin = 3 << 20

    @Test func `F3: the last lines of a log cost what they are, however long it is`() async throws {
        try await withTemporaryDirectory { directory in
            for lines in [10_000, 60_000] {
                let log = LogSegments(path: "\(directory)/\(lines)")
                // The larger one has 60 MB in all.
                try write(log, files: 4, lines: lines)
                let total = 4 * lines
                let size = try log.sizes().total
                let last = 1000 + total / Self.perSecond - 2
                let found = try since(last, log)
                #expect(found.numbers == Array(total - 2 * Self.perSecond..<total))
                #expect(found.bytes < Self.margin, "since: \(found.bytes) bytes of \(size)")
                let ended = try tail(150, log)
                #expect(ended.numbers == Array(total - 150..<total))
                #expect(ended.bytes < Self.margin + (1 << 20), "tail: \(ended.bytes) bytes of \(size)")
                // From the middle on half of it is read, and little more.
                let half = try since(1000 + total / Self.perSecond / 2, log)
                #expect(half.numbers.count == total / 2)
                #expect(half.bytes < Int(size) / 2 + Self.margin)
                try log.remove()
            }
        }
    }

    @Test func `of packed files what is before the place is not read either`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            // Some sixty members.
            let lines = 60_000
            try write(log, files: 1, lines: lines)
            try Files.rename(log.path, to: log.rotated(1))
            try Descriptor.open(log.path, O_WRONLY | O_CREAT).writeAll(Array(Self.text(lines..<lines + 1000).utf8))
            let packing = try #require(try log.pack(1, while: { true }))
            try log.commit(packing)
            let segment = try #require(try log.present().first)
            let file = try #require(try log.open(segment))
            let size = try file.size()
            let members = Int(size) / PackedForm.blockBytes
            try #require(members > 50)
            // One member by itself, from behind: its head and its bytes, the table, and not the heads before it.
            let head = PackedForm.Head.bytes
            let bytes = try bytesRead {
                _ = try file.read(10, at: size - 10)
                _ = try file.read(10, at: size - Int64(PackedForm.blockBytes) - 10)
            }
            let packed = Int(try log.sizes().rotated[0].bytes)
            #expect(bytes < 4 * packed / members + (members + 8) * 8 + 4 * head, "\(bytes) of \(packed)")
            let calls = try readCalls { _ = try log.open(segment)?.read(10, at: size - 10) }
            #expect(calls < 10, "\(calls) calls, of \(members) members")
            let found = try since(1000 + lines / Self.perSecond - 1, log)
            #expect(found.numbers == Array(lines - Self.perSecond..<lines + 1000))
        }
    }

    /// Calls of read(2) and its like by this thread; those of looking at it are not among them.
    private func readCalls(_ body: () throws -> Void) throws -> Int {
        func count() throws -> Int {
            let text = try #require(try Files.text("/proc/thread-self/io"))
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("syscr:") })
            return try #require(Int(line.dropFirst("syscr: ".count)))
        }
        let before = try count()
        let own = try count() - before
        try body()
        return try count() - before - 2 * own
    }

    @Test func `a packed file without its table, or with a damaged one, is read all the same`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log, files: 1, lines: 30_000)
            try Files.rename(log.path, to: log.rotated(1))
            let packing = try #require(try log.pack(1, while: { true }))
            try log.commit(packing)
            let whole = try #require(try Files.read(log.packed(1)))
            let length = try #require(PackedIndex.length(whole.suffix(PackedIndex.endBytes)))
            let index = try #require(PackedIndex(whole.suffix(length)))
            #expect(index.starts.count >= PackedIndex.leastMembers && index.encoded == Array(whole.suffix(length)))
            let expected = try since(1290, log).numbers
            #expect(expected.count == 1000)
            var damaged = whole
            damaged[whole.count - length + 60] ^= 1
            var short = whole
            short.removeLast(5)
            for bytes in [Array(whole.dropLast(length)), damaged, short] {
                try Descriptor.open(log.packed(1), O_WRONLY | O_TRUNC).writeAll(bytes)
                #expect(try since(1290, log).numbers == expected)
            }
        }
    }

    @Test func `a table has room for any number of members`() throws {
        for count in [1, 7999, 8000, 8001, 20_480, 100_000] {
            let members = (0..<count).map { Int64($0) * 30_000 }
            let index = PackedIndex(members: members, total: UInt64(count) << 18, origin: 7)
            #expect(index.starts.count <= PackedIndex.mostStarts)
            let encoded = index.encoded
            #expect(PackedIndex.length(encoded.suffix(PackedIndex.endBytes)) == encoded.count)
            #expect(PackedIndex(encoded[...]) == index)
            for member in [0, count / 2, count - 1] {
                let (known, start) = try #require(index.nearest(to: member))
                #expect(known <= member && member - known < index.stride && start == members[known])
            }
        }
        #expect(PackedIndex([]) == nil && PackedIndex.length([]) == nil)
    }
}
