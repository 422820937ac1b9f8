import DockerClient
import Testing
@testable import Templates

@Suite struct DockerClientTests {
    @Test func `JSON keeps order and digits`() throws {
        let text = #"{"b":1.50,"a":[true,null,"x\n\"é😀"],"n":18446744073709551615}"#
        #expect(try JSON(parsing: Array(text.utf8)).compact() == text)
        #expect(try JSON(parsing: Array(#""\u00e9\ud83d\ude00\/""#.utf8)) == "é😀/")
        #expect(JSON.string("<&>").compact(escapesMarkup: true) == #""\u003c\u0026\u003e""#)
        for wrong in ["{", "[1,]", "{\"a\"}", "tru", "\"a", "1 2", ""] {
            #expect(throws: JSONError.self) { try JSON(parsing: Array(wrong.utf8)) }
        }
        #expect(throws: JSONError.self) { try JSON(parsing: Array(String(repeating: "[", count: 500).utf8)) }
    }

    @Test func `halves of a character in JSON are none`() throws {
        let pieces = [
            (#"\ud83d\ude00"#, "😀"), (#"\ud800\u0041"#, "\u{fffd}A"), (#"\ud800\ud800x"#, "\u{fffd}\u{fffd}x"),
            (#"\udc00"#, "\u{fffd}"), (#"\ud800\uffff"#, "\u{fffd}\u{ffff}"),
        ]
        for (text, expected) in pieces {
            #expect(try JSON(parsing: Array("\"\(text)\"".utf8)).text == expected, "\(text)")
        }
    }

    @Test func `JSON is spread over lines as Go does`() {
        #expect(
            JSON.indented(Array(#"[{"a":{},"b":[1,"x,{"],"c":[]}]"#.utf8)) == """
                [
                    {
                        "a": {},
                        "b": [
                            1,
                            "x,{"
                        ],
                        "c": []
                    }
                ]
                """)
    }

    private func events(_ text: String, pieces: Int, isHead: Bool = false) throws -> (ResponseHead?, String, Bool) {
        var decoder = ResponseDecoder(isHead: isHead)
        var head: ResponseHead?
        var body: [UInt8] = []
        var hasEnded = false
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            decoder.feed(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
            while let event = try decoder.next() {
                switch event {
                case .head(let found): head = found
                case .body(let bytes): body += bytes
                case .end: hasEnded = true
                }
            }
        }
        return (head, String(decoding: body, as: UTF8.self), hasEnded)
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `answers come in any pieces`(pieces: Int) throws {
        let counted = try events("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", pieces: pieces)
        #expect(counted.0?.status == 200 && counted.0?.headers["x"] == "y" && counted.1 == "hello" && counted.2)
        let chunked = try events(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", pieces: pieces
        )
        #expect(chunked.1 == "hello!" && chunked.2)
        let upgraded = try events("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nraw\r\nbytes", pieces: pieces)
        #expect(upgraded.0?.status == 101 && upgraded.1 == "raw\r\nbytes" && !upgraded.2)
        let none = try events("HTTP/1.1 204 No Content\r\n\r\n", pieces: pieces)
        #expect(none.2)
        let head = try events("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", pieces: pieces, isHead: true)
        #expect(head.2)
    }

    @Test func `answers that are none are refused`() {
        for text in [
            "FTP\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            #expect(throws: MalformedAnswer.self) { try events(text, pieces: 100) }
        }
        var decoder = ResponseDecoder()
        decoder.feed(Array("HTTP/1.1 200 OK\r\n".utf8))
        #expect(throws: MalformedAnswer.self) { try decoder.finish() }
    }

    @Test func `frames come in any pieces`() throws {
        let bytes: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 2, 97, 98, 2, 0, 0, 0, 0, 0, 0, 1, 99]
        for pieces in 1...bytes.count {
            var reader = FrameReader()
            var frames: [FrameReader.Frame] = []
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                frames += try reader.feed(Array(bytes[start..<min(start + pieces, bytes.count)]))
            }
            #expect(frames.map(\.stream) == [.standardOutput, .standardError])
            #expect(frames.map(\.bytes) == [[97, 98], [99]])
        }
        var reader = FrameReader()
        #expect(throws: MalformedAnswer.self) { try reader.feed([9, 0, 0, 0, 0, 0, 0, 0]) }
    }

    @Test func `values of a stream, cut anywhere`() throws {
        let text = Array("{\"a\":\"}\"}\r\n{\"b\":[1]}{\"c\":\"\\\"\"}".utf8)
        for pieces in 1...text.count {
            var stream = JSONStream()
            var values: [String] = []
            for start in stride(from: 0, to: text.count, by: pieces) {
                values += try stream.feed(Array(text[start..<min(start + pieces, text.count)])).map { $0.compact() }
            }
            #expect(values == [#"{"a":"}"}"#, #"{"b":[1]}"#, #"{"c":"\""}"#])
        }
    }

    @Test func `endpoints`() throws {
        #expect(try Endpoint("unix:///a/b.sock").place == .unix(path: "/a/b.sock"))
        #expect(try Endpoint("tcp://10.0.0.1").place == .tcp(host: "10.0.0.1", port: 2375))
        #expect(try Endpoint("tcp://[::1]:99").place == .tcp(host: "::1", port: 99))
        #expect(try Endpoint("").text == Endpoint.standard)
        #expect(throws: DockerError.self) { try Endpoint("npipe://x") }
        #expect(throws: DockerError.self) { try Endpoint("tcp://x:99999") }
    }
}
