import Glibc
import LinuxSystem
import TestKit
import Testing

@testable import Engine
@testable import Logs

/// What logs take, and which of their files go when that is too much.
@Suite struct LogSizeTests {
    private func write(_ path: String, _ bytes: Int) throws {
        try Files.writeAtomically([UInt8](repeating: 65, count: bytes), to: path)
    }

    @Test func `files are counted once, and those that nobody writes are known`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            #expect(try log.sizes() == LogSegments.Sizes())
            try write(log.path, 100)
            try log.takeUp(count: 5)
            #expect(try log.sizes().present == 100)
            try write(log.rotated(3), 7)
            try write(log.rotated(4), 8)
            try write(directory + "/other.5", 9)
            let sizes = try log.sizes()
            #expect(sizes.rotated.map(\.number) == [3, 4] && sizes.rotated.map(\.bytes) == [7, 8])
            #expect(sizes.rotated.map(\.isNewest) == [false, true] && sizes.total == 115)
        }
    }

    /// Says of a directory that its names last changed so many seconds ago, as it would be if that were so.
    private func age(_ directory: String, _ seconds: Int) throws {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        now.tv_sec -= seconds
        try check(utimensat(AT_FDCWD, directory, [now, now], 0), "set times of \(directory)")
    }

    @Test func `what is remembered of a log's files is what they take, whatever becomes of them`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            var known: LogSegments.KnownSize?
            /// Twice: of the files, and of what is remembered of them.
            func sizes(after seconds: Int) throws -> [Int64?] {
                try age(directory, seconds)
                return [try log.total(&known), try log.total(&known)]
            }
            let at100 = try sizes(after: 100)
            #expect(at100 == [nil, nil])
            try write(log.path, 100)
            try log.takeUp(count: 5)
            let at90 = try sizes(after: 90)
            #expect(at90 == [100, 100])
            try Files.rewrite("more", in: log.path, mode: 0o600)
            let written = try log.total(&known)
            #expect(written == 4)
            for number in 1...3 { try write(log.rotated(number), number) }
            let at80 = try sizes(after: 80)
            #expect(at80 == [10, 10])
            // The newest is emptied, which changes no name, and the others go.
            let rotated = try log.sizes().rotated
            try log.drop(rotated[2])
            let emptied = try log.total(&known)
            #expect(emptied == 7)
            try log.drop(rotated[0])
            let at70 = try sizes(after: 70)
            #expect(at70 == [6, 6])
            // conmon has begun another file, and the full one has no number yet.
            try write(log.begun, 1)
            try Files.rename(log.begun, to: log.path)
            let at60 = try sizes(after: 60)
            #expect(at60 == [7, 7])
            // What has changed just now may change again at the same time.
            let at0 = try sizes(after: 0)
            #expect(at0 == [7, 7])
            let isKnown = known != nil
            #expect(!isKnown)
            try log.remove()
            let at50 = try sizes(after: 50)
            #expect(at50 == [nil, nil])
        }
    }

    @Test func `no number comes twice, whatever has been given up`() async throws {
        try await withTemporaryDirectory { directory in
            let log = LogSegments(path: directory + "/log")
            try write(log.path, 100)
            try log.takeUp(count: 5)
            for number in 1...2 { try write(log.rotated(number), 10) }
            for file in try log.sizes().rotated { try log.drop(file) }
            #expect(try log.numbers() == [2] && log.sizes().total == 100)
            // Twice is fine.
            for file in try log.sizes().rotated { try log.drop(file) }
            _ = try log.settle(limit: 1, count: 5)
            #expect(try log.numbers() == [2, 3])
        }
    }

    private func file(_ number: Int, _ bytes: Int64, _ modified: Int64) -> LogQuotaPlan.File {
        let rotated = LogSegments.Rotated(number: number, bytes: bytes, modified: modified, isNewest: false)
        return LogQuotaPlan.File(what: .rotated("c", rotated), bytes: bytes, modified: modified)
    }

    @Test func `the oldest go first, no more than need be, and what is written stays`() {
        let files = [file(1, 10, 300), file(2, 10, 100), file(3, 10, 200)]
        #expect(LogQuotaPlan(files: files, present: 70, quota: 100).excess.isEmpty)
        let plan = LogQuotaPlan(files: files, present: 75, quota: 90)
        #expect(plan.excess == [files[1], files[2]] && plan.left == 85 && !plan.isOver)
        let all = LogQuotaPlan(files: files, present: 200, quota: 100)
        #expect(all.excess.count == 3 && all.left == 200 && all.isOver)
        // What removed containers have left is as old as it is.
        let spool = LogQuotaPlan.File(what: .spool("x"), bytes: 50, modified: 50)
        #expect(LogQuotaPlan(files: files + [spool], present: 0, quota: 40).excess == [spool])
    }

    @Test func `a bound is an amount or a part of the file system`() {
        #expect(LogBound("") == .usual && LogBound("20g") == .bytes(20 << 30) && LogBound("1.5m") == .bytes(3 << 19))
        #expect(LogBound("5%") == .percent(5) && LogBound("100%") == .percent(100))
        for text in ["0", "1k", "-1g", "0%", "101%", "x", "5 %", "g", "1e9g"] {
            #expect(LogBound(text) == nil, "\(text)")
        }
        #expect(LogBound.bytes(5).bytes(at: "/nowhere") == 5)
        #expect(LogBound.percent(50).bytes(at: "/tmp") > LogBound.percent(1).bytes(at: "/tmp"))
        #expect(LogBound.usual.bytes(at: "/tmp") <= 10 << 30)
        #expect(LogBound.usual.bytes(at: "/nowhere") == 1 << 30)
    }
}
