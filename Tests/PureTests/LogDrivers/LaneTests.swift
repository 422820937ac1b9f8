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
            // Of what waits here, then of what is under way.
            #expect(first.oldest == Timestamp(seconds: 0))
            let early = first.take(bytes: .max, lines: 200)
            #expect(first.oldest == Timestamp(seconds: 0))
            first.confirm(early)
            #expect(first.oldest == Timestamp(seconds: 200))
            var second = try lane()
            let again = second.take(bytes: .max, lines: 150)
            let rest = second.take(bytes: .max, lines: 150)
            second.confirm(early)
            #expect(second.position == LogPosition() && second.counts.sent == 0)
            second.confirm(again)
            #expect(second.position == again.last?.line.position)
            second.confirm(rest)
            #expect(second.position == rest.last?.line.position && second.counts.sent == 300 && second.oldest == nil)
        }
    }

    /// What is read from a log of so many lines on the way to a driver.
    /// - Parameter together: How many lines have the same stamp.
    private func lane(_ driver: String, _ directory: String, lines: Int, together: Int = 1) throws -> Lane {
        let path = directory + "/log"
        let text: String = (0..<lines).map { number -> String in
            let time = number / together
            let stream = time % 3 == 0 ? "stderr" : "stdout"
            let mark = number % 50 == 7 ? "P" : "F"
            return "\(Timestamp(seconds: Int64(time)).fixedWidth) \(stream) \(mark) line \(number)\n"
        }.joined()
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
        let made = try #require(
            try DriverTable.make(
                driver, driver == "syslog" ? ["syslog-address": "tcp://h"] : [:], host: DriverSamples.host))
        var lane = Lane(
            id: "a", path: path, encoder: try made.makeEncoder(for: DriverSamples.origin), from: LogPosition(),
            isOver: true, isRemoved: false)
        while let entries = try lane.reader.read() { lane.append(entries) }
        lane.append(lane.reader.finish(), isLast: true)
        return lane
    }

    @Test(arguments: [1, 7, 90])
    func `lines that are put together are the same bytes, and count as the lines that they are`(
        together: Int
    ) async throws {
        try await withTemporaryDirectory { directory in
            var lane = try lane("fluentd", directory, lines: 1001, together: together)
            let reader = PositionedReader(path: lane.path, from: LogPosition())
            var entries: [PositionedReader.Entry] = []
            while let more = try reader.read() { entries += more }
            entries += reader.finish()
            let driver = try #require(try DriverTable.make("fluentd", [:], host: DriverSamples.host))
            var encoder = try driver.makeEncoder(for: DriverSamples.origin)
            #expect(encoder.joins)
            var single: [UInt8] = []
            for entry in entries where entry.endsLine && !entry.isUnended {
                let line = ShippedLine(
                    stream: entry.stream, time: entry.time, text: entry.text, position: entry.position)
                single += encoder.encode(line).flatMap(\.bytes)
            }
            var taken: [LogBatch.Item] = []
            while case let more = lane.take(bytes: 64 << 10, lines: Lane.joinedLines), !more.isEmpty { taken += more }
            #expect(taken.flatMap(\.line.bytes) == single)
            #expect(taken.reduce(0) { $0 + $1.line.count } == entries.count && taken.count < entries.count / 50)
            #expect(taken.allSatisfy { $0.line.count <= Lane.joinedLines })
            // Each reaches as far as the last line in it.
            var last = -1
            for item in taken {
                last += item.line.count
                #expect(item.line.position == entries[last].position)
            }
            lane.confirm(Array(taken.prefix(2)))
            #expect(lane.position == taken[1].line.position)
            #expect(lane.counts.sent == taken[0].line.count + taken[1].line.count)
            lane.confirm(Array(taken.dropFirst(2)))
            #expect(lane.counts.sent == entries.count && lane.position == entries.last?.position && !lane.hasQueued)
        }
    }

    @Test func `other lines are sent one by one`() async throws {
        try await withTemporaryDirectory { directory in
            var lane = try lane("syslog", directory, lines: 300)
            let taken = lane.take(bytes: .max, lines: 1000)
            #expect(taken.allSatisfy { $0.line.count == 1 } && taken.count > 250)
            #expect(lane.take(bytes: .max, lines: 1000).isEmpty)
        }
    }
}
