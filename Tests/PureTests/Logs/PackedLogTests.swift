import CZlib
import Glibc
import LinuxSystem
import Model
import TestKit
import Testing

@testable import Logs

/// Logs whose rotated files are packed.
@Suite(.timeLimit(.minutes(2))) struct PackedLogTests {
    private static let count = 8_000

    private func stamp(_ number: Int) -> String { Timestamp(seconds: Int64(1000 + number / 4)).fixedWidth }

    /// Three rotated files of some 700 KB, so of three members, and one that is written.
    private func write(_ log: LogSegments) throws {
        for file in 0..<4 {
            let text: String = (file * Self.count / 4..<(file + 1) * Self.count / 4).map { number -> String in
                let stream = number % 7 == 0 ? "stderr" : "stdout"
                let word = "\(number):" + String(repeating: "\(number * 7919 % 10007) ", count: number % 101)
                return number % 11 == 3
                    ? "\(stamp(number)) \(stream) P \(word)\n\(stamp(number)) \(stream) F .\n"
                    : "\(stamp(number)) \(stream) F \(word)\n"
            }.joined()
            let path = file < 3 ? log.rotated(file + 1) : log.path
            try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
        }
    }

    private func pack(_ log: LogSegments) throws {
        for number in try log.unpacked() {
            if let packing = try log.pack(number, while: { true }) { try log.commit(packing) }
        }
    }

    private func texts(_ log: LogSegments, _ selection: LogSelection = LogSelection()) async throws -> [String] {
        var all: [String] = []
        for try await part in LogReader(path: log.path, watcher: try FileWatcher()).parts(selection, isOver: true) {
            all += part.entries.map {
                "\($0.timestamp.fixedWidth) \($0.stream) " + String(decoding: $0.bytes, as: UTF8.self)
            }
        }
        return all
    }

    @Test func `every selection reads the same of packed files`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log)
            var selections = [LogSelection()]
            for tail in [0, 1, 1500, 2001, 5000, 9000] {
                selections.append(LogSelection())
                selections[selections.count - 1].tail = tail
            }
            for second in [0, 1000, 1333, 1900, 2600, 2999, 9000] {
                selections.append(LogSelection())
                selections[selections.count - 1].since = Timestamp(seconds: Int64(second))
                selections.append(selections[selections.count - 1])
                selections[selections.count - 1].until = Timestamp(seconds: Int64(second + 40))
            }
            let before = try await selections.asyncMap { try await texts(log, $0) }
            let plain = try log.sizes().total
            try pack(log)
            #expect(try Files.list(directory) == ["log", "log.1.gz", "log.2.gz", "log.3.gz"])
            #expect(try log.unpacked().isEmpty && log.numbers() == [1, 2, 3])
            for (selection, wanted) in zip(selections, before) {
                #expect(try await texts(log, selection) == wanted, "\(selection)")
            }
            #expect(before[0].count == Self.count)
            // What they take is what is counted.
            let sizes = try log.sizes()
            #expect(sizes.total < plain / 2 && sizes.rotated.map(\.number) == [1, 2, 3])
        }
    }

    @Test func `every gunzip reads a packed file, which is as old as what it was`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log)
            let was = try #require(try Files.read(log.rotated(2)))
            try check(
                utimensat(
                    AT_FDCWD, log.rotated(2), [timespec(tv_sec: 5, tv_nsec: 0), timespec(tv_sec: 7, tv_nsec: 9)], 0),
                "date")
            try pack(log)
            #expect(try log.sizes().rotated[1].modified == 7_000_000_009)
            var packed = try #require(try Files.read(log.packed(2)))
            var plain: [UInt8] = []
            var members = 0
            while !packed.isEmpty {
                var stream = z_stream()
                try #require(inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK)
                var room = [UInt8](repeating: 0, count: was.count)
                var left = 0
                packed.withUnsafeMutableBufferPointer { packed in
                    stream.next_in = packed.baseAddress
                    stream.avail_in = UInt32(packed.count)
                    room.withUnsafeMutableBufferPointer { room in
                        stream.next_out = room.baseAddress
                        stream.avail_out = UInt32(room.count)
                        #expect(inflate(&stream, Z_FINISH) == Z_STREAM_END)
                    }
                    left = Int(stream.avail_in)
                }
                plain += room.prefix(room.count - Int(stream.avail_out))
                inflateEnd(&stream)
                packed = packed.suffix(left)
                members += 1
            }
            #expect(plain == was && members > 1)
        }
    }

    @Test func `a receiver's position is found again in a file that has been packed since`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log)
            func all(from position: LogPosition) throws -> [PositionedReader.Entry] {
                let reader = PositionedReader(path: log.path, from: position)
                var entries: [PositionedReader.Entry] = []
                while let next = try reader.read() { entries += next }
                #expect(!reader.takeLoss())
                return entries + reader.finish()
            }
            let whole = try all(from: LogPosition())
            // One is in the middle of a file when it is packed, and goes on with what it has open.
            let reader = PositionedReader(path: log.path, from: LogPosition())
            var followed = try #require(try reader.read())
            try pack(log)
            while let next = try reader.read() { followed += next }
            #expect((followed + reader.finish()).map(\.position) == whole.map(\.position) && !reader.takeLoss())
            #expect(try all(from: LogPosition()) == whole)
            for index in stride(from: 0, to: whole.count, by: 997) {
                #expect(try all(from: whole[index].position) == Array(whole[(index + 1)...]), "behind \(index)")
            }
        }
    }

    @Test func `a file without a number when it was opened is known again when it is packed`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            func begin(_ number: Int) throws {
                let path = log.path + ".new"
                try Descriptor.open(path, O_WRONLY | O_CREAT).writeAll(
                    Array("\(stamp(number)) stdout F \(number)\n".utf8))
                try Files.rename(path, to: log.path)
            }
            func texts(_ entries: [PositionedReader.Entry]) -> [String] {
                entries.map { String(decoding: $0.text, as: UTF8.self) }
            }
            func numbers(to last: Int) -> [String] { (0...last).map { "\($0)" } }
            try begin(0)
            try log.takeUp(count: 10)
            let reader = PositionedReader(path: log.path, from: LogPosition())
            var seen = try #require(try reader.read())
            for number in 1...3 {
                try begin(number)
                try log.takeUp(count: 10)
                try pack(log)
                while let next = try reader.read() { seen += next }
                #expect(texts(seen) == numbers(to: number))
            }
            // Two at once, of which neither had a number when the one before was opened.
            let late = PositionedReader(path: log.path, from: LogPosition())
            for number in 4...6 {
                try begin(number)
                try log.takeUp(count: 10)
            }
            seen = try #require(try late.read())
            try pack(log)
            while let next = try late.read() { seen += next }
            #expect(texts(seen) == numbers(to: 6))
        }
    }

    @Test func `what a killed daemon was at is finished or undone`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log)
            let whole = try await texts(log)
            // Killed while it packed, and between the two steps by which the file takes its place.
            _ = try log.pack(1, while: { true })
            try Files.rename(log.packing, to: log.packed(1))
            _ = try log.pack(2, while: { true })
            #expect(try Files.list(directory).count == 6)
            #expect(try await texts(log) == whole && log.numbers() == [1, 2, 3] && log.sizes().rotated.count == 3)
            try log.settlePacking()
            #expect(try Files.list(directory) == ["log", "log.1.gz", "log.2", "log.3"])
            #expect(try await texts(log) == whole && log.unpacked() == [2, 3])
            // One that is not wanted any more, and one that was given up meanwhile, leave nothing.
            #expect(try log.pack(2, while: { false }) == nil)
            let packing = try #require(try log.pack(2, while: { true }))
            let file = try #require(try log.sizes().rotated.first { $0.number == 2 })
            try log.drop(file)
            try log.commit(packing)
            #expect(try Files.list(directory) == ["log", "log.1.gz", "log.3"])
            // The oldest go by their numbers, packed or not, and no number comes twice.
            try pack(log)
            for file in try log.sizes().rotated { try log.drop(file) }
            #expect(try log.numbers() == [3] && log.sizes().rotated.map(\.bytes) == [0])
            #expect(try await texts(log) == whole.suffix(Self.count / 4))
            _ = try log.settle(limit: 1, count: 2)
            #expect(try log.numbers() == [4])
            try log.remove()
            #expect(try Files.list(directory) == [])
        }
    }

    /// A damaged member costs the lines in it, and says so; no other member, and never more than there is.
    @Test(arguments: UInt64(1)...12) func `damage stays where it is`(seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: seed)
            let log = LogSegments(path: directory + "/log")
            try write(log)
            let whole = try await texts(log)
            try pack(log)
            var bytes = try #require(try Files.read(log.packed(2)))
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch seed % 3 {
            case 0:
                let bit = UInt8.random(in: 0..<8, using: &random)
                bytes[place] ^= 1 << bit
            case 1: bytes.removeSubrange(place...)
            default:
                for index in place..<min(bytes.count, place + 100) {
                    bytes[index] = UInt8.random(in: 0...255, using: &random)
                }
            }
            try Descriptor.open(log.packed(2), O_WRONLY | O_TRUNC).writeAll(bytes)
            let read = try await texts(log)
            let lines = read.filter { !$0.contains("[damaged log") }
            let quarter = Self.count / 4
            #expect(lines.prefix(quarter - 1) == whole.prefix(quarter - 1))
            #expect(lines.suffix(quarter) == whole.suffix(quarter))
            if lines.count < whole.count, place > 0 {
                #expect(read.count > lines.count, "nothing says what is missing")
            }
            #expect(Set(lines).subtracting(whole).count <= 4, "only where a line is cut")
            // Looking for a place ends, too.
            var selection = LogSelection()
            let half = Self.count / 2
            selection.since = Timestamp(seconds: 1000 + Int64(Self.count / 11))
            let since = try await texts(log, selection)
            #expect(since.count >= half - 2)
            selection.since = nil
            selection.tail = half
            let tail = try await texts(log, selection)
            #expect(tail.count >= quarter)
        }
    }

    @Test func `what cannot be packed smaller is packed all the same`() async throws {
        try await withTemporaryDirectory { directory in
            var random = SeededGenerator(seed: 4)
            let log = LogSegments(path: directory + "/log")
            let bytes = (0..<600_000).map { _ in UInt8.random(in: 0...255, using: &random) }
            try Descriptor.open(log.rotated(1), O_WRONLY | O_CREAT).writeAll(bytes)
            try pack(log)
            let file = try LogFile(try Descriptor.open(log.packed(1), O_RDONLY), isPacked: true)
            var read: [UInt8] = []
            while case let more = try file.read(100_000, at: Int64(read.count)), !more.isEmpty { read += more }
            #expect(try read == bytes && file.size() == 600_000)
        }
    }
}

extension Array {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var all: [T] = []
        for element in self { all.append(try await transform(element)) }
        return all
    }
}
