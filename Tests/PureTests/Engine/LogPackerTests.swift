import Concurrency
import Glibc
import LinuxSystem
import Logging
import Model
import TestKit
import Testing

@testable import Engine
@testable import Logs

/// Which files of a log are packed when.
@Suite(.timeLimit(.minutes(1))) struct LogPackerTests {
    private func write(_ log: LogSegments, _ number: Int, age: Int) throws {
        let text = (0..<100).map { "\(Timestamp(seconds: Int64($0)).fixedWidth) stdout F \(number) \($0)\n" }.joined()
        try Descriptor.open(log.rotated(number), O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
        let written = timespec(tv_sec: time(nil) - age, tv_nsec: 0)
        try check(utimensat(AT_FDCWD, log.rotated(number), [written, written], 0), "date a log")
    }

    @Test func `a file is packed once nobody has written it for a while, and without being asked for again`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let paths = EnginePaths(
                EngineConfiguration(rootDirectory: directory, runDirectory: directory, version: "1"))
            let packer = LogPacker(
                paths: paths, lock: KeyedLock<String>(), restTime: .seconds(6),
                log: Logger(label: "packer") { _ in SwiftLogNoOpLogHandler() })
            let log = LogSegments(path: paths.log(of: "a"))
            try Files.makeDirectories(log.directory)
            let begun = time(nil)
            try write(log, 1, age: 60)
            try write(log, 2, age: 0)
            // Of a time that has not come, as after the clock was set.
            let other = LogSegments(path: paths.log(of: "b"))
            try Files.makeDirectories(other.directory)
            try write(other, 1, age: -3600)
            async let _: Void = packer.run()
            packer.want(["a", "b", "gone"])
            try await eventually(within: .seconds(20)) {
                try !log.unpacked().contains(1) && Files.exists(log.packed(1))
            }
            try await eventually(within: .seconds(20)) {
                try other.unpacked().isEmpty && Files.exists(other.packed(1))
            }
            // The one that was written last has its time, however late it is by now.
            let isLeft = try log.unpacked() == [2]
            #expect(isLeft || time(nil) - begun >= 6)
            try await eventually(within: .seconds(20)) { try log.unpacked().isEmpty && Files.exists(log.packed(2)) }
            #expect(time(nil) - begun >= 6)
        }
    }
}
