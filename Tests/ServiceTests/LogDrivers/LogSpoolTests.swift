import Glibc
import LinuxSystem
import TestKit
import Testing

@testable import LogDrivers

/// What removed containers have left of their logs, when it is more than it may be.
@Suite struct LogSpoolTests {
    /// By their ids, the oldest first; names tell nothing of the age.
    private static let ids = ["d", "a", "c", "b"]
    private static let bytes: Int64 = 1_000

    private static func over(_ quota: Int64, but newest: String = "b") async throws -> [String] {
        try await withTemporaryDirectory { directory in
            let spool = LogSpool(directory: directory, quota: quota)
            for (age, id) in ids.enumerated() {
                let path = "\(directory)/\(id)"
                try Files.makeDirectories(path)
                try Files.writeAtomically(Array(repeating: UInt8(0), count: Int(bytes)), to: path + "/log")
                let made = timespec(tv_sec: 1_700_000_000 + age, tv_nsec: 0)
                try check(utimensat(AT_FDCWD, path, [made, made], 0), "date what is left")
            }
            return try spool.overQuota(but: newest)
        }
    }

    @Test func `the oldest go, as many as it takes and no more`() async throws {
        let (all, one) = (4 * Self.bytes, Self.bytes)
        let cases: [(quota: Int64, expected: [String])] = [
            (all, []), (all - 1, ["d"]), (all - one, ["d"]), (all - one - 1, ["d", "a"]), (one, ["d", "a", "c"]),
        ]
        for (quota, expected) in cases {
            let gone = try await Self.over(quota)
            #expect(gone == expected, "of a quota of \(quota)")
        }
    }

    @Test func `what has come last stays, even when it alone is too much`() async throws {
        let gone = try await Self.over(0)
        #expect(gone == ["d", "a", "c"])
        // Moved here last, though its directory is the oldest.
        let others = try await Self.over(0, but: "d")
        #expect(others == ["a", "c", "b"])
    }
}
