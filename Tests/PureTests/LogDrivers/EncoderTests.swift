import EngineInterface
import Logs
import Model
import Testing

@testable import LogDrivers

@Suite struct EncoderTests {
    private func line(
        _ text: String, _ stream: LogEntry.Stream = .output, piece: ShippedLine.Piece? = nil
    ) -> ShippedLine {
        ShippedLine(
            stream: stream, time: Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789), text: Array(text.utf8),
            piece: piece, position: LogPosition())
    }

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    // MARK: fluentd: bytes of Python's msgpack 1.x

    @Test func `an entry of fluentd is what msgpack makes of it`() {
        var encoder = FluentdEncoder(
            tag: "t", id: repeated("a", 64), name: "/web", extras: ["env": repeated("x", 40)], hasFractions: false)
        let golden =
            "92d26553f10085ac636f6e7461696e65725f6964d940" + repeated("61", 64)
            + "ae636f6e7461696e65725f6e616d65a42f776562a6736f75726365a67374646f7574a36c6f67a668c3a96c6c6fa3656e76d928"
            + repeated("78", 40)
        #expect(encoder.encode(line("héllo")).map { hex($0.bytes) } == [golden])
    }

    @Test func `fractions of seconds and pieces of a line are as Docker has them`() {
        var encoder = FluentdEncoder(tag: "t", id: repeated("b", 64), name: "/web", extras: [:], hasFractions: true)
        let golden =
            "92d7006553f100075bcd1588ac636f6e7461696e65725f6964d940" + repeated("62", 64)
            + "ae636f6e7461696e65725f6e616d65a42f776562a6736f75726365a6737464657272a36c6f67da012c" + repeated("79", 300)
            + "af7061727469616c5f6d657373616765a474727565aa7061727469616c5f6964a170af7061727469616c5f6f7264696e616ca132"
            + "ac7061727469616c5f6c617374a566616c7365"
        let piece = ShippedLine.Piece(id: "p", ordinal: 2, isLast: false)
        #expect(encoder.encode(line(repeated("y", 300), .error, piece: piece)).map { hex($0.bytes) } == [golden])
    }

    @Test func `a line without its end is told as Docker tells it: as one that goes on`() throws {
        var unended = line("x")
        #expect(unended.part == nil)
        unended.isUnended = true
        let part = try #require(unended.part)
        #expect(part.ordinal == 1 && !part.isLast && part.id.utf8.count == 64)
        unended.piece = ShippedLine.Piece(id: "p", ordinal: 3, isLast: true)
        #expect(unended.part == ShippedLine.Piece(id: "p", ordinal: 3, isLast: false))
        var encoder = FluentdEncoder(tag: "t", id: "a", name: "/web", extras: [:], hasFractions: false)
        let told = encoder.encode(unended).map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
        #expect(told.hasSuffix("false"))
    }

    @Test func `a message of fluentd has entries, their number and the chunk`() {
        var first = MessagePackWriter()
        first.array(2)
        first.unsigned(1)
        first.map(1)
        first.string("log")
        first.string("a")
        var second = MessagePackWriter()
        second.array(2)
        second.unsigned(2)
        second.map(1)
        second.string("log")
        second.string(repeated("b", 70_000))
        let lines = [first.bytes, second.bytes].map { EncodedLine(line(""), $0) }
        let message = Array(FluentdConnection.message(Array("t".utf8), lines, "Y2h1bms=").joined())
        #expect(message.count == 70_051)
        #expect(hex(message.prefix(24)) == "93a174c600011185920181a36c6f67a161920281a36c6f67")
        #expect(hex(message.suffix(24)) == "626282a473697a6502a56368756e6ba859326831626d733d")
    }

    /// What an encoder makes of a run is what it makes of its lines, one by one.
    @Test(arguments: ["a", "a\nb", "\n", "first\n\n\nlast", "\u{e9}\n" + String(repeating: "x", count: 300)])
    func `several lines of one stamp are the bytes of each`(text: String) throws {
        let count = text.split(separator: "\n", omittingEmptySubsequences: false).count
        for (stream, hasFractions) in [(LogEntry.Stream.output, false), (.error, true)] {
            let run = ShippedRun(
                stream: stream, time: Timestamp(seconds: 1_700_000_000, nanoseconds: 5), text: Array(text.utf8),
                count: count, position: LogPosition())
            for extras in [[:], ["color": "blue", "source": "mine"]] {
                var encoder = FluentdEncoder(
                    tag: "t", id: "id", name: "/n", extras: extras, hasFractions: hasFractions)
                var single: [UInt8] = [1]
                for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
                    let line = ShippedLine(
                        stream: stream, time: run.time, text: Array(part.utf8), position: run.position)
                    encoder.append(line, to: &single)
                }
                var together: [UInt8] = [1]
                encoder.append(run, to: &together)
                #expect(together == single)
            }
        }
    }

    @Test func `what a receiver says is read in parts, and is bound`() throws {
        var writer = MessagePackWriter()
        writer.map(1)
        writer.string("ack")
        writer.string("abc")
        var reader = MessagePackReader()
        for byte in writer.bytes.dropLast() {
            reader.append([byte])
            #expect(try reader.next() == nil)
        }
        reader.append(writer.bytes.suffix(1) + writer.bytes)
        #expect(try reader.next()?["ack"]?.text == "abc")
        #expect(try reader.next()?["ack"]?.text == "abc")
        #expect(try reader.next() == nil)
        // A map of four billion pairs, an array in an array in an array…, an unknown mark.
        for bad: [UInt8] in [[0xdf, 255, 255, 255, 255], Array(repeating: 0x91, count: 50), [0xc1]] {
            var reader = MessagePackReader()
            reader.append(bad)
            #expect(throws: MessagePackReader.Malformed.self) { try reader.next() }
        }
    }

    @Test func `the handshake's digests are SHA-512 in hexadecimal digits`() {
        // printf abc | sha512sum
        #expect(
            FluentdConnection.digest(Array("a".utf8), Array("bc".utf8)).hasPrefix("ddaf35a193617abacc417349ae204131"))
    }

    // MARK: syslog

    private func syslog(_ format: SyslogFormat, tag: String = "web", counts: Bool = false) -> SyslogEncoder {
        SyslogEncoder(
            format: format, facility: 3, hostname: "node", processID: 42, tag: tag, countsOctets: counts)
    }

    private func text(_ encoder: SyslogEncoder, _ line: ShippedLine) -> String {
        var encoder = encoder
        return encoder.encode(line).map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    }

    @Test func `syslog has Docker's formats`() {
        #expect(text(syslog(.local), line("x")).wholeMatch(of: #/<30>Nov 1[45] \d\d:\d\d:20 web\[42\]: x\n/#) != nil)
        #expect(
            text(syslog(.rfc3164), line("x", .error))
                .wholeMatch(of: #/<27>Nov 1[45] \d\d:\d\d:20 node web\[42\]: x\n/#) != nil)
        #expect(
            text(syslog(.rfc5424), line("x"))
                .wholeMatch(of: #/<30>1 2023-11-1[45]T\d\d:\d\d:20(Z|[+-]\d\d:\d\d) node web 42 web - x\n/#) != nil)
        #expect(
            text(syslog(.rfc5424micro), line("x"))
                .wholeMatch(of: #/<30>1 2023-11-1[45]T\d\d:\d\d:20\.123456(Z|[+-]\d\d:\d\d) node web 42 web - x\n/#)
                != nil)
        let counted = text(syslog(.rfc5424, counts: true), line("x"))
        let parts = counted.split(separator: " ", maxSplits: 1)
        #expect(Int(parts[0]) == parts[1].utf8.count)
        #expect(parts[1].hasPrefix("<30>1 "))
    }

    @Test func `fields of RFC 5424 are cut and have no blanks, and an empty line is none`() {
        let long = text(syslog(.rfc5424, tag: repeated("t", 60) + " é"), line("x"))
        #expect(long.contains(" node \(repeated("t", 48)) 42 \(repeated("t", 32)) - x"))
        #expect(text(syslog(.rfc5424, tag: "a b"), line("x")).contains(" node a_b 42 a_b - x"))
        #expect(text(syslog(.rfc5424), line("")) == "")
    }

    // MARK: Options

    private func refusal(_ driver: String, _ options: [String: String]) -> LogOptionError? {
        do {
            _ = try DriverTable.make(driver, options, host: LogHost(name: "node", processID: 1))
            return nil
        } catch { return error }
    }

    @Test func `options are refused as Docker refuses them`() {
        #expect(refusal("syslog", ["x": ""]) == .unknown(name: "x", driver: "syslog"))
        #expect(
            refusal("syslog", ["syslog-address": "tcp://h", "tag": "a", "labels": "b", "mode": "non-blocking"]) == nil)
        for (name, value, said) in [
            ("syslog-facility", "24", "invalid syslog facility"),
            ("syslog-facility", "local8", "invalid syslog facility"),
            ("syslog-format", "rfc1", "Invalid syslog format"),
            ("syslog-address", "h:1", "syslog-address should be in form proto://address, got h:1"),
            ("syslog-address", "http://h", "unsupported scheme: 'http'"),
        ] {
            #expect(refusal("syslog", [name: value]) == .invalid(name: name, value: value, said: said))
        }
        for (name, value) in [
            ("fluentd-address", "udp://h"), ("fluentd-address", "tcp://h/path"), ("fluentd-address", "tcp://h:99999"),
            ("fluentd-address", "unix://"), ("fluentd-async", "maybe"), ("fluentd-async-reconnect-interval", "10ms"),
            ("fluentd-async-reconnect-interval", "11s"), ("fluentd-buffer-limit", "1x"), ("fluentd-max-retries", "-1"),
            ("fluentd-retry-wait", "1"), ("fluentd-write-timeout", "-1s"),
        ] {
            guard case .invalid(name, _, _)? = refusal("fluentd", [name: value]) else {
                Issue.record("\(name)=\(value) is taken")
                continue
            }
        }
        #expect(
            refusal(
                "fluentd",
                [
                    "fluentd-address": "tls://[::1]:24224", "fluentd-async": "true", "fluentd-retry-wait": "1.5s",
                    "fluentd-buffer-limit": "1m", "fluentd-async-reconnect-interval": "0",
                    "fluentd-request-ack": "true",
                ]) == nil)
    }

    @Test func `containers of one receiver share a destination, whatever their tags`() throws {
        func destination(_ options: [String: String]) throws -> String? {
            try DriverTable.make("fluentd", options, host: LogHost(name: "node", processID: 1))?.destination
        }
        #expect(try destination(["tag": "a"]) == destination(["fluentd-address": "127.0.0.1", "labels": "b"]))
        #expect(try destination([:]) != destination(["fluentd-request-ack": "false"]))
        #expect(try destination([:]) != destination(["fluentd-address": "tls://127.0.0.1"]))
    }

    // MARK: Tags

    @Test func `tags are templates with Docker's names`() throws {
        let origin = LogOrigin(
            id: repeated("0123456789abcdef", 4), name: "web", entrypoint: "/bin/sh", arguments: ["-c", "a b"],
            imageID: "sha256:" + repeated("f", 64), imageName: "nginx:1", created: Timestamp(seconds: 0),
            environment: ["A=1", "B=2"], labels: ["tier": "front", "x.y": "z"], logPath: "/log")
        let host = LogHost(name: "node", processID: 1)
        func tag(_ template: String?, _ more: [String: String] = [:]) throws -> String {
            var values = more
            values["tag"] = template
            return try LogTag.render(LogDriverOptions(driver: "syslog", values: values), origin, host)
        }
        #expect(try tag(nil) == "0123456789ab")
        #expect(try tag("") == "0123456789ab")
        #expect(try tag("{{.ImageName}}/{{.Name}}/{{.ID}}") == "nginx:1/web/0123456789ab")
        #expect(try tag("{{.FullID}}") == origin.id)
        #expect(try tag("{{.Command}}") == "/bin/sh -c a b")
        #expect(
            try tag("{{.ImageID}} {{.Hostname}} {{.DaemonName}} {{.ContainerName}}") == "sha256:fffff node docker /web")
        #expect(try tag("{{index .ContainerLabels \"tier\"}}-{{upper .Name}}") == "front-WEB")
        #expect(try tag("{{.ExtraAttributes nil}}", ["labels": "tier", "env": "B"]) == "map[B:2 tier:front]")
        #expect(try tag("{{index .Config \"labels\"}}", ["labels": "tier"]) == "tier")
        #expect(throws: LogOptionError.self) { try tag("{{.Nothing}}") }
        #expect(throws: LogOptionError.self) { try tag("{{") }
        let words = "template: :1:8: executing \"\" at <1000000>: exceeded maximum of 10000 steps"
        let endless = "{{range 1000000}}{{end}}"
        #expect(throws: LogOptionError.invalidTag(template: endless, reason: words)) { try tag(endless) }
        for slice in ["{{slice .Config 0 1}}", "{{slice .ContainerLabels 0 1}}"] {
            #expect(throws: LogOptionError.self) { try tag(slice) }
        }
    }

    @Test func `labels and variables are chosen by name and by pattern`() throws {
        let origin = LogOrigin(
            id: "a", name: "web", created: Timestamp(seconds: 0), environment: ["A=1", "BB=2", "C"],
            labels: ["one": "1", "two": "2"])
        func extras(_ values: [String: String]) throws -> [String: String] {
            try LogDriverOptions(driver: "x", values: values).extras(of: origin)
        }
        #expect(try extras(["labels": "one,none", "env": "A,C"]) == ["one": "1", "A": "1"])
        #expect(try extras(["labels-regex": "^t", "env-regex": "B+"]) == ["two": "2", "BB": "2"])
        #expect(throws: LogOptionError.self) { try extras(["env-regex": "("]) }
    }
}
