import CZlib
@testable import LogDrivers
import Testing

@Suite struct LogFormatTests {
    /// Made by Go 1.19's encoding/json.
    @Test func `a line of any bytes is a text of JSON, each byte that is no UTF-8 a replacement character`() {
        func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
        let rows: [([UInt8], String)] = [
            (utf8("plain"), "\"plain\""), ([], "\"\""),
            (utf8("a\"b\\c\n\r\t\u{1}\u{1f}\u{7f}"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\u{7f}\""),
            (utf8("ä€🦅"), "\"ä€🦅\""), ([0x61, 0xFF, 0xFE, 0x62], "\"a\\ufffd\\ufffdb\""),
            // cut, overlong, a surrogate, beyond the last character
            ([0xE2, 0x82], "\"\\ufffd\\ufffd\""), ([0xC0, 0x80], "\"\\ufffd\\ufffd\""),
            ([0xED, 0xA0, 0x80], "\"\\ufffd\\ufffd\\ufffd\""),
            ([0xF4, 0x90, 0x80, 0x80], "\"\\ufffd\\ufffd\\ufffd\\ufffd\""),
            ([0xFF, 0x78], "\"\\ufffdx\""),
            (utf8("<a&b> \u{2028}\u{2029}\u{2027}"), "\"\\u003ca\\u0026b\\u003e \\u2028\\u2029\u{2027}\""),
        ]
        for (bytes, expected) in rows {
            var json = JSONBytes()
            json.string(bytes)
            #expect(DriverSamples.text(json.bytes) == expected)
            let isEscaped = bytes.contains { (byte: UInt8) in byte < 0x20 || byte == 0x22 || byte == 0x3C }
            if !isEscaped {
                let repaired = DriverSamples.text(UTF8Text.repaired(bytes))
                #expect("\"\(repaired)\"" == expected.replacing("\\ufffd", with: "\u{FFFD}"))
            }
        }
    }

    /// Made by Go 1.19's encoding/json, of a json.RawMessage.
    @Test func `a value of JSON is handed on without blanks, and with the same escapes`() {
        for (text, expected) in [
            (
                "{\"a\": [1, 2.50],\t\"b c\" :\"<\\\\u00fc \\\" > \"}",
                "{\"a\":[1,2.50],\"b c\":\"\\u003c\\\\u00fc \\\" \\u003e \"}"
            ),
            (" [ true , null ] ", "[true,null]"), ("17", "17"), ("\"\u{2028} &\\\\\" ", "\"\\u2028 \\u0026\\\\\""),
        ] {
            var json = JSONBytes()
            json.compact(Array(text.utf8))
            #expect(DriverSamples.text(json.bytes) == expected)
        }
    }

    @Test func `a text is cut between characters, and what is none at any byte`() {
        let text = Array(String(repeating: "äöü€🦅", count: 40).utf8)
        for most in 4...40 {
            let pieces = UTF8Text.pieces(text, most: most)
            #expect(pieces.flatMap { $0 } == text)
            #expect(pieces.allSatisfy { $0.count <= most && UTF8Text.isValid(Array($0)) })
        }
        let others = [UInt8](repeating: 0x80, count: 1000)
        let pieces = UTF8Text.pieces(others, most: 10)
        #expect(pieces.flatMap { $0 } == others && pieces.allSatisfy { (7...10).contains($0.count) })
        #expect(UTF8Text.pieces([], most: 10) == [[]])
    }

    @Test(arguments: [
        "{}", "[]", "0", "-1.5e+3", "\"a\\u00e4\\n\"", " {\"a\" : [1, {\"b\":null}], \"c\":true} ", "[[[]],{}]",
        "false",
    ])
    func `JSON is told`(text: String) { #expect(JSONCheck.isValue(Array(text.utf8))) }

    @Test(arguments: [
        "", "{", "}", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "-", "1e", "\"a", "\"\n\"", "\"\\x\"", "tru",
        "[1 2]", "{} {}",
        "{1:2}", "nulll", "[}", "\"\\u12g4\"", ",", "[,1]",
    ])
    func `what is no JSON is told`(text: String) { #expect(!JSONCheck.isValue(Array(text.utf8))) }

    @Test func `a text that nests without end ends nothing`() {
        #expect(!JSONCheck.isValue([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)))
        #expect(!JSONCheck.isValue([UInt8](repeating: UInt8(ascii: "{"), count: 1 << 20)))
    }

    @Test(arguments: [-1, 0, 1, 9], [Deflater.Container.gzip, .zlib])
    func `what is compressed is what zlib reads, one message after another`(level: Int, container: Deflater.Container)
        throws
    {
        guard let deflater = Deflater(container, level: level) else {
            Issue.record("there is no memory for zlib")
            return
        }
        for text in ["", "a", String(repeating: "line and line ", count: 10_000), "again"] {
            let packed = deflater.compress(Array(text.utf8)) ?? []
            #expect(packed.prefix(container == .gzip ? 2 : 1) == (container == .gzip ? [0x1F, 0x8B] : [0x78]))
            #expect(DriverSamples.text(try inflated(packed)) == text)
        }
    }

    /// By zlib's own reader, which tells both containers by themselves.
    private func inflated(_ packed: [UInt8]) throws -> [UInt8] {
        var stream = z_stream()
        var source = packed
        var target = [UInt8](repeating: 0, count: 1 << 20)
        let count = source.withUnsafeMutableBufferPointer { source in
            target.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK,
                    inflate(&stream, Z_FINISH) == Z_STREAM_END
                else { return -1 }
                inflateEnd(&stream)
                return target.count - Int(stream.avail_out)
            }
        }
        try #require(count >= 0)
        return Array(target.prefix(count))
    }
}
