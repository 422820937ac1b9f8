@testable import LogDrivers
import Model
import Testing

@Suite struct AWSLogsTests {
    private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    /// The documentation's examples `get-vanilla` and `post-vanilla`.
    @Test(arguments: [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ])
    func `a request is signed as Amazon's examples are`(method: String, signature: String) {
        let signer = AWSSignature(
            credentials: AWSCredentials(accessKey: "AKIDEXAMPLE", secretKey: Self.secret), region: "us-east-1",
            service: "service")
        let headers = signer.headers(
            method: method, path: "/", headers: [("Host", "example.amazonaws.com")], body: [],
            at: Timestamp(seconds: 1_440_938_160))
        #expect(headers.map(\.name) == ["X-Amz-Date", "Authorization"])
        #expect(headers[0].value == "20150830T123600Z")
        #expect(headers[1].value.hasSuffix("SignedHeaders=host;x-amz-date, Signature=\(signature)"))
    }

    /// By botocore 1.43.
    @Test(
        arguments: [
            (
                nil, "content-type;host;x-amz-date;x-amz-target",
                "befdd931032096f6cfcf6b3d8675169aa3e1c56b78bfb04bec3d49689493d330"
            ),
            (
                "to/ken==", "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                "55aa3bd8ea858cef15d422967a10acc5de6c1609eb89ead250deb5c4eab47554"
            ),
        ] as [(String?, String, String)])
    func `a call with content is signed as Amazon's library does it`(token: String?, names: String, signature: String) {
        let signer = AWSSignature(
            credentials: AWSCredentials(accessKey: "AKIDEXAMPLE", secretKey: Self.secret, sessionToken: token),
            region: "eu-central-1", service: "logs")
        let call = AWSLogsCalls.putEvents(
            [EncodedLine(DriverSamples.line("", at: Timestamp(seconds: 0, nanoseconds: 1_500_000)), Array("ä".utf8))],
            to: AWSLogsGroup(name: "g", stream: "s"))
        let headers = signer.headers(
            method: "POST", path: "/",
            headers: [
                ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "Logs_20140328.\(call.name)"),
                ("Host", "logs.eu-central-1.amazonaws.com"),
            ], body: call.body, at: Timestamp(seconds: 1_767_366_245))
        #expect(
            headers.last?.value
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/logs/aws4_request, SignedHeaders=\(names), Signature=\(signature)"
        )
    }

    @Test func `a call keeps every bound of the service`() {
        typealias Event = AWSLogsBatches.Event
        #expect(AWSLogsBatches.split([]).isEmpty)
        // In order of time, those of one millisecond as they came.
        let mixed = [5, 3, 5, 1].map { Event(milliseconds: $0, byteCount: 1) }
        #expect(AWSLogsBatches.split(mixed) == [[3, 1, 0, 2]])
        let many = (0..<25_000).map { Event(milliseconds: Int64($0), byteCount: 1) }
        #expect(AWSLogsBatches.split(many).map(\.count) == [10_000, 10_000, 5000])
        // 26 bytes more an event.
        let large = (0..<8).map { Event(milliseconds: Int64($0), byteCount: 262_144 - 26) }
        #expect(AWSLogsBatches.split(large).map(\.count) == [4, 4])
        let larger = (0..<8).map { Event(milliseconds: Int64($0), byteCount: 262_144 - 25) }
        #expect(AWSLogsBatches.split(larger).map(\.count) == [3, 3, 2])
        let day: Int64 = 24 * 3600 * 1000
        let long = [0, day, day + 1, 2 * day + 2].map { Event(milliseconds: $0, byteCount: 1) }
        #expect(AWSLogsBatches.split(long).map(\.count) == [2, 1, 1])
    }

    @Test func `lines are joined until one that begins an event`() throws {
        let group = AWSLogsGroup(name: "g", stream: "s")
        var encoder = AWSLogsEncoder(
            group, beginning: try AWSLogsPattern(format: "\\[%Y-%m-%d %H:%M:%S\\]"), longestText: 64, hold: .seconds(5))
        #expect(encoder.encode(DriverSamples.line("before", offset: 1)).isEmpty)
        let first = encoder.encode(DriverSamples.line("[2026-01-02 15:04:05] one", offset: 2))
        #expect(first.map { DriverSamples.text($0.bytes) } == ["before\n"])
        #expect(encoder.encode(DriverSamples.line("  two", offset: 3)).isEmpty)
        let second = encoder.flush()
        #expect(second.map { DriverSamples.text($0.bytes) } == ["[2026-01-02 15:04:05] one\n  two\n"])
        #expect(second[0].count == 2 && second[0].position.place?.offset == 3)
        #expect(encoder.flush().isEmpty)
        // More than an event takes.
        #expect(encoder.encode(DriverSamples.line(String(repeating: "a", count: 40))).isEmpty)
        #expect(encoder.encode(DriverSamples.line(String(repeating: "b", count: 40))).map(\.bytes.count) == [41])
    }

    @Test func `an event is UTF-8 and no longer than the service takes`() {
        var encoder = AWSLogsEncoder(
            AWSLogsGroup(name: "g", stream: "s"), beginning: nil, longestText: 9, hold: .seconds(5))
        #expect(encoder.encode(DriverSamples.line("")).isEmpty)
        let pieces = encoder.encode(DriverSamples.line([0xFF, 0xFF, 0xFF, 0xFF]))
        #expect(pieces.map { DriverSamples.text($0.bytes) } == ["\u{FFFD}\u{FFFD}\u{FFFD}", "\u{FFFD}"])
        #expect(pieces.map(\.count) == [1, 0])
        #expect(encoder.longestHold == nil)
    }

    @Test func `a group travels with its lines`() {
        for group in [
            AWSLogsGroup(name: "/a/b", stream: "s"),
            AWSLogsGroup(name: "ä", stream: "", makesGroup: true, makesStream: false, isEMF: true),
        ] { #expect(AWSLogsGroup(group.bytes) == group) }
        #expect(AWSLogsGroup([0, 0]) == nil && AWSLogsGroup([0, 0, 0, 65]) == nil)
    }

    @Test func `answers say what becomes of the lines`() {
        func answer(_ status: Int, _ body: String, of count: Int = 3) -> AWSLogsCalls.Answer {
            AWSLogsCalls.answer(HTTPReply(status: status, body: Array(body.utf8)), of: count)
        }
        #expect(answer(200, "{\"nextSequenceToken\":\"4\"}") == .done(.accepted))
        #expect(answer(200, "") == .done(.accepted))
        #expect(
            answer(200, "{\"rejectedLogEventsInfo\":{\"tooOldLogEventEndIndex\":1,\"tooNewLogEventStartIndex\":2}}")
                == .done(
                    .lines([
                        .refused("older than CloudWatch Logs takes"), .accepted,
                        .refused("too far ahead of CloudWatch Logs' clock"),
                    ])))
        #expect(
            answer(200, "{\"rejectedLogEventsInfo\":{\"tooOldLogEventEndIndex\":-5,\"tooNewLogEventStartIndex\":99}}")
                == .done(.lines([.accepted, .accepted, .accepted])))
        #expect(
            answer(400, "{\"__type\":\"com.amazonaws.logs#ResourceNotFoundException\",\"message\":\"no\"}")
                == .missing("ResourceNotFoundException: no"))
        #expect(answer(400, "{\"__type\":\"ResourceAlreadyExistsException\"}") == .isThere)
        #expect(
            answer(400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"x\"}")
                == .unauthenticated("ExpiredTokenException: x"))
        #expect(
            answer(400, "{\"__type\":\"InvalidParameterException\",\"message\":\"x\"}")
                == .done(.unwanted("InvalidParameterException: x")))
        for name in ["ThrottlingException", "ServiceUnavailableException", "AccessDeniedException"] {
            #expect(answer(400, "{\"__type\":\"\(name)\",\"message\":\"x\"}") == .done(.later("\(name): x")))
        }
        #expect(answer(502, "<html>") == .done(.later("HTTP status 502: <html>")))
        #expect(answer(413, "") == .done(.unwanted("HTTP status 413")))
    }

    @Test func `credentials are read in each of their forms`() {
        let file =
            "[other]\naws_access_key_id=no\n[default]\n# x\naws_access_key_id = AK\naws_secret_access_key= S=K \naws_session_token=T\n"
        #expect(
            AWSCredentialForms.profile("default", in: file)
                == AWSCredentials(accessKey: "AK", secretKey: "S=K", sessionToken: "T"))
        #expect(
            AWSCredentialForms.profile("other", in: file) == nil
                && AWSCredentialForms.profile("x", in: "=\n[x\n[x]=\n") == nil)
        let served =
            "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":\"C\",\"Expiration\":\"2026-01-02T15:04:05Z\"}"
        let expected = AWSCredentials(
            accessKey: "A", secretKey: "B", sessionToken: "C", expires: Timestamp(seconds: 1_767_366_245))
        #expect(AWSCredentialForms.served(Array(served.utf8)) == expected)
        #expect(AWSCredentialForms.served(Array("{}".utf8)) == nil)
        let assumed =
            "<R><Credentials><SessionToken>C</SessionToken><SecretAccessKey>B</SecretAccessKey><Expiration>2026-01-02T15:04:05Z</Expiration><AccessKeyId>A</AccessKeyId></Credentials></R>"
        #expect(AWSCredentialForms.assumedRole(Array(assumed.utf8)) == expected)
        #expect(AWSCredentialForms.assumedRole(Array("<AccessKeyId>".utf8)) == nil)
    }
}
