@testable import LogDrivers
import Testing

@Suite struct JournalTests {
    @Test func `an entry has Docker's fields, and a value with newlines its length in front`() {
        let encoder = JournalEncoder(DriverSamples.container)
        let entry = encoder.encode(
            DriverSamples.line("a\nb", .error, piece: .init(id: "ff", ordinal: 2, isLast: false)))[0].bytes
        let expected: [UInt8] =
            Array("MESSAGE\n".utf8) + [3, 0, 0, 0, 0, 0, 0, 0]
            + Array("a\nb\nPRIORITY=3\nCONTAINER_ID=cccccccccccc\n".utf8)
            + Array(
                "CONTAINER_ID_FULL=\(String(repeating: "c", count: 64))\nCONTAINER_NAME=web.1\nCONTAINER_TAG=cccccccccccc\n"
                    .utf8)
            + Array(
                "IMAGE_NAME=alpine\nSYSLOG_IDENTIFIER=cccccccccccc\nZONE=a\nSYSLOG_TIMESTAMP=2026-01-02T15:04:05.000000123Z\n"
                    .utf8)
            + Array("CONTAINER_LOG_EPOCH=7-2026\nCONTAINER_LOG_ORDINAL=100\nCONTAINER_PARTIAL_MESSAGE=true\n".utf8)
            + Array("CONTAINER_PARTIAL_ID=ff\nCONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=false\n".utf8)
        #expect(DriverSamples.text(entry) == DriverSamples.text(expected))
    }

    @Test func `an empty line is an entry`() {
        let entry = JournalEncoder(DriverSamples.container).encode(DriverSamples.line(""))
        #expect(entry.count == 1 && entry[0].bytes.starts(with: Array("MESSAGE=\nPRIORITY=6\n".utf8)))
    }

    @Test(
        arguments: [
            ("com.example.Name-1", "COM_EXAMPLE_NAME_1"), ("_a", "A"), ("--x", "X"), ("Zürich", "Z_RICH"), ("1st", nil),
            ("_1", nil), ("", nil), ("___", nil),
            (String(repeating: "a", count: 100), String(repeating: "A", count: 64)),
        ] as [(String, String?)])
    func `labels become names that journald takes`(label: String, name: String?) {
        #expect(JournalFields.name(label) == name)
    }
}
