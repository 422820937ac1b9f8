import Foundation
import Glibc
import LinuxSystem
import Model
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

    private static func log(_ id: String, in spool: LogSpool) -> ShippedLog {
        ShippedLog(
            driver: "syslog", options: ["syslog-address": "tcp://127.0.0.1:9"],
            origin: LogOrigin(id: id, name: "name-\(id)", created: Timestamp(seconds: 1)), path: spool.path(of: id))
    }

    @Test func `what cannot be read is set aside with its log, and the others are sent`() async throws {
        try await withTemporaryDirectory { directory in
            let spool = LogSpool(directory: directory + "/spool", quota: 1 << 20)
            for id in ["a", "b", "c", "d", "e"] {
                try Files.makeDirectories("\(directory)/\(id)")
                try Files.writeAtomically("text", to: "\(directory)/\(id)/log")
                try spool.take(Self.log(id, in: spool), from: "\(directory)/\(id)/log")
            }
            func facts(_ id: String) -> String { "\(directory)/spool/\(id)/shipped.json" }
            // As it was before it was a record; damaged; of a later version; gone.
            try Files.writeAtomically(RecordedFiles.data("Records/shipped-log/1.bare.json"), to: facts("a"))
            try Files.writeAtomically("{}", to: facts("b"))
            try Files.writeAtomically(#"{"kind":"shipped-log","value":{},"version":99}"#, to: facts("c"))
            try Files.remove(facts("d"))
            // Interrupted before anything was taken.
            try Files.makeDirectories(directory + "/spool/f")

            let left = try spool.left()
            #expect(left.logs.map(\.origin.name) == ["web", "name-e"])
            #expect(left.unread.map { Files.parent(of: $0.id) } == Array(repeating: directory + "/spool", count: 3))
            for (record, id) in zip(left.unread, ["b", "c", "d"]) {
                #expect(record.id.hasPrefix("\(directory)/spool/\(id).unread-") && record.type == "daemon")
                #expect(try Files.text(record.id + "/log") == "text")
            }
            #expect(left.unread.first { $0.id.contains("/c.") }?.reason.contains("newer version") == true)
            #expect(!Files.exists(directory + "/spool/f"))
            // It takes room, and counts for it.
            let used = try spool.usage()
            #expect(Set(used.map { String($0.id.prefix(1)) }) == ["a", "b", "c", "d", "e"])
            #expect(used.allSatisfy { $0.bytes >= 4 } && used.count { LogSpool.isAside($0.id) } == 3)
            // It is told of once, and in nobody's way.
            let again = try spool.left()
            #expect(again.logs == left.logs && again.unread.isEmpty)
        }
    }

    @Test func `what was set aside goes like the others when there is too much`() async throws {
        try await withTemporaryDirectory { directory in
            let spool = LogSpool(directory: directory, quota: 5)
            for (age, id) in ["old.unread-01", "new"].enumerated() {
                try Files.makeDirectories("\(directory)/\(id)")
                try Files.writeAtomically("text", to: "\(directory)/\(id)/log")
                let made = timespec(tv_sec: 1_700_000_000 + age, tv_nsec: 0)
                try check(utimensat(AT_FDCWD, "\(directory)/\(id)", [made, made], 0), "date what is left")
            }
            #expect(try spool.overQuota(but: "new") == ["old.unread-01"])
        }
        let shared = try ShippingDirectory()
        let aside = "\(shared.path)/spool/a.unread-01"
        try Files.makeDirectories(aside)
        try Files.writeAtomically("text", to: aside + "/log")
        try await withShipper(shared) { bench in
            #expect(try await bench.shipper.spoolUsage().map(\.id) == ["a.unread-01"])
            bench.shipper.discard("a.unread-01")
            try await eventually(within: .seconds(30), "it is removed") { !Files.exists(aside) }
        }
    }
}
