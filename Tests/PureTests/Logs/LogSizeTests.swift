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
