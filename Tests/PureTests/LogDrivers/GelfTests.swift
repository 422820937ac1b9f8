@testable import LogDrivers
import Testing

@Suite struct GelfTests {
    private let common =
        "\"_command\":\"sh -c x\",\"_container_id\":\"\(String(repeating: "c", count: 64))\",\"_container_name\":\"web.1\","
        + "\"_created\":\"2026-01-02T15:00:00Z\",\"_image_id\":\"sha256:1\",\"_image_name\":\"alpine\",\"_tag\":\"cccccccccccc\",\"_zone\":\"a\"}"

    @Test func `a message over TCP has Docker's fields and ends in NUL`() {
        let encoder = GelfEncoder(DriverSamples.container, form: .stream)
        let encoded = encoder.encode(DriverSamples.line("hällo \"x\"", .error))
        #expect(
            encoded.map { DriverSamples.text($0.bytes) } == [
                "{\"version\":\"1.1\",\"host\":\"node\",\"short_message\":\"hällo \\\"x\\\"\",\"timestamp\":1767366245.000,\"level\":3,"
                    + common + "\0"
            ])
        #expect(encoder.encode(DriverSamples.line("")).isEmpty)
    }

    @Test func `a datagram's message is handed on whole, with its length`() {
        let encoder = GelfEncoder(DriverSamples.container, form: .datagrams(.gzip, level: 1))
        let row = encoder.encode(DriverSamples.line("x"))[0].bytes
        let messages = GelfEncoder.messages(of: row)
        #expect(
            messages.map(DriverSamples.text) == [
                "{\"version\":\"1.1\",\"host\":\"node\",\"short_message\":\"x\",\"timestamp\":1767366245.000,\"level\":6,"
                    + common
            ])
    }

    @Test func `chunks of 1420 bytes at the most are put together again by number`() {
        for count in [1420, 1421, 1408 * 2, 1408 * 128 - 1, 1408 * 128] {
            let message: [UInt8] = (0..<count).map { (place: Int) in UInt8(truncatingIfNeeded: place &* 31 >> 3) }
            let datagrams = GelfChunks.split(message, id: 0x0102_0304_0506_0708)
            #expect(datagrams.allSatisfy { $0.count <= 1420 })
            if count <= 1420 {
                #expect(datagrams == [message])
                continue
            }
            for (index, datagram) in datagrams.enumerated() {
                let head: [UInt8] = [0x1E, 0x0F, 1, 2, 3, 4, 5, 6, 7, 8, UInt8(index), UInt8(datagrams.count)]
                #expect(Array(datagram.prefix(12)) == head)
            }
            #expect(datagrams.flatMap { $0.dropFirst(12) } == message)
        }
        #expect(GelfChunks.split([UInt8](repeating: 0, count: 1408 * 128 + 1), id: 1).isEmpty)
    }

    @Test func `a line that 128 chunks have no room for comes in as few pieces as will do, between characters`() throws
    {
        let text = Array(String(repeating: "ä€", count: 60_000).utf8)
        let encoder = GelfEncoder(DriverSamples.container, form: .datagrams(nil, level: 1))
        let encoded = encoder.encode(DriverSamples.line(text))
        #expect(encoded.count == 1 && encoded[0].count == 1)
        let messages = GelfEncoder.messages(of: encoded[0].bytes)
        #expect(messages.count == 2)
        #expect(messages.allSatisfy { !GelfChunks.split(Array($0), id: 1).isEmpty })
        var joined = ""
        for (index, message) in messages.enumerated() {
            let message = DriverSamples.text(message)
            #expect(message.contains("\"_partial_ordinal\":\(index + 1),\"_partial_last\":\"\(index == 1)\""))
            joined += message.split(separator: "\"short_message\":\"")[1].prefix { $0 != "\"" }
        }
        #expect(Array(joined.utf8) == text)
        // Compressed it fits.
        let packing = GelfEncoder(DriverSamples.container, form: .datagrams(.zlib, level: 1))
        #expect(GelfEncoder.messages(of: packing.encode(DriverSamples.line(text))[0].bytes).count == 1)
    }
}
