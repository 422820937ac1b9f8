import EngineInterface
@testable import LogDrivers
import Logs
import Model

/// A container and its lines as drivers are given them.
enum DriverSamples {
    static let time = Timestamp(seconds: 1_767_366_245, nanoseconds: 123)
    static let host = LogHost(name: "node", processID: 1)
    static let origin = LogOrigin(
        id: String(repeating: "c", count: 64), name: "web.1", entrypoint: "sh", arguments: ["-c", "x"],
        imageID: "sha256:1", imageName: "alpine", created: Timestamp(seconds: 1_767_366_000),
        environment: ["zone=a", "other=b"], labels: ["tier.name": "front"])
    static let container = LoggedContainer(
        origin: origin, hostname: "node", tag: "cccccccccccc", attributes: ["zone": "a"])

    static func line(
        _ text: [UInt8], _ stream: LogEntry.Stream = .output, at time: Timestamp = time, offset: Int64 = 100,
        piece: ShippedLine.Piece? = nil
    ) -> ShippedLine {
        ShippedLine(
            stream: stream, time: time, text: text, piece: piece,
            position: LogPosition(place: LogPlace(inode: 7, beginning: "2026", offset: offset)))
    }

    static func line(
        _ text: String, _ stream: LogEntry.Stream = .output, at time: Timestamp = time, offset: Int64 = 100,
        piece: ShippedLine.Piece? = nil
    ) -> ShippedLine { line(Array(text.utf8), stream, at: time, offset: offset, piece: piece) }

    static func batch(_ lines: [EncodedLine], group: [UInt8] = []) -> LogBatch {
        LogBatch(lines.map { LogBatch.Item(line: $0, group: group, containerID: origin.id) })
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    static func bytes(hexadecimal text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = UInt8(rest.prefix(2), radix: 16) {
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
