import Glibc
import LinuxSystem
import Logs
import Model
import TestKit
import Testing

@testable import LogDrivers

/// One container's lines on their way.
@Suite struct LaneTests {
    /// A container is started again while what it wrote before is under way: its position follows what has been sent since.
    @Test func `what an earlier lane of a container has sent counts for nothing in its next one`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/log"
            let text = (0..<300).map { "\(Timestamp(seconds: Int64($0)).fixedWidth) stdout F line \($0)\n" }.joined()
            try Descriptor.open(path, O_WRONLY | O_CREAT).writeAll(Array(text.utf8))
            func lane() throws -> Lane {
                let driver = try #require(
                    try DriverTable.make("syslog", ["syslog-address": "tcp://h"], host: DriverSamples.host))
                var lane = Lane(
                    id: "a", path: path, encoder: try driver.makeEncoder(for: DriverSamples.origin),
                    from: LogPosition(),
                    isOver: false, isRemoved: false)
                while let entries = try lane.reader.read() { lane.append(entries) }
                return lane
            }
            var first = try lane()
            let early = first.take(bytes: .max, lines: 200)
            var second = try lane()
            let again = second.take(bytes: .max, lines: 150)
            let rest = second.take(bytes: .max, lines: 150)
            second.confirm(early)
            #expect(second.position == LogPosition() && second.counts.sent == 0)
            second.confirm(again)
            #expect(second.position == again.last?.line.position)
            second.confirm(rest)
            #expect(second.position == rest.last?.line.position && second.counts.sent == 300)
        }
    }
}
