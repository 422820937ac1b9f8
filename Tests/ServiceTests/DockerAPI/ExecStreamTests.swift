import Glibc
import LinuxSystem
import TestKit
import Testing

/// The connection of a command inside a container: its frames, its keys, and what comes first.
@Suite(.timeLimit(.minutes(2))) struct ExecStreamTests {
    private func create(_ server: ServerFixture, _ body: String) async throws -> String {
        _ = try await ServerTests.ask(
            server, "/containers/create?name=c", method: "POST", body: #"{"Image":"b","Cmd":["sleep"]}"#)
        let created = try await ServerTests.ask(server, "/containers/c/exec", method: "POST", body: body)
        return String(try #require(created.split(separator: "\"").first { $0.count == 64 }))
    }

    private func request(_ id: String, isTerminal: Bool) -> String {
        let body = #"{"Detach":false,"Tty":\#(isTerminal)}"#
        return "POST /exec/\(id)/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: Upgrade\r\n"
            + "Upgrade: tcp\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: [true, false], [true, false])
    func `frames follow the request that starts it`(made: Bool, started: Bool) async throws {
        try await ServerFixture.with { server in
            let id = try await create(server, #"{"Cmd":["exit","0"],"AttachStdout":true,"Tty":\#(made)}"#)
            let client = try await RawClient(server.socketPath)
            try await client.send(request(id, isTerminal: started))
            let answer = try await client.readToEnd()
            if started {
                #expect(answer.hasSuffix("\r\n\r\no\ne\n") && answer.contains("application/vnd.docker.raw-stream"))
            } else {
                #expect(answer.hasSuffix("\u{1}\0\0\0\0\0\0\u{2}o\n\u{2}\0\0\0\0\0\0\u{2}e\n"))
                #expect(answer.contains("application/vnd.docker.multiplexed-stream"))
            }
        }
    }

    @Test func `a terminal's user leaves with the keys that the exec was made with`() async throws {
        try await ServerFixture.with { server in
            let id = try await create(
                server, #"{"Cmd":["cat"],"AttachStdin":true,"AttachStdout":true,"Tty":true,"DetachKeys":"ctrl-a,x"}"#)
            let client = try await RawClient(server.socketPath)
            try await client.send(request(id, isTerminal: true))
            try await client.read(until: "\r\n\r\n")
            try await client.send([16, 17, 1, 0x79])
            try await client.read(until: "\u{10}\u{11}\u{1}y")
            try await client.send([1, 0x78])
            _ = try await client.readToEnd()
            #expect(try await ServerTests.ask(server, "/exec/\(id)/json").contains(#""Running":true"#))
            let refused = try await ServerTests.ask(
                server, "/containers/c/exec", method: "POST", body: #"{"Cmd":["cat"],"DetachKeys":"ctrl-,"}"#)
            #expect(refused.hasPrefix("HTTP/1.1 400 ") && refused.contains("Invalid detach keys (ctrl-,) provided"))
        }
    }

    @Test func `the first output does not come in one read with the head`() async throws {
        try await ServerFixture.with { server in
            let id = try await create(server, #"{"Cmd":["exit","0"],"AttachStdout":true}"#)
            let text = request(id, isTerminal: false)
            let reads = try await onThread { try Self.slowReads(server.socketPath, text) }
            #expect(reads.first?.hasPrefix("HTTP/1.1 101 UPGRADED\r\n") == true)
            #expect(reads.first?.hasSuffix("\r\n\r\n") == true)
            #expect(reads.dropFirst().joined() == "\u{1}\0\0\0\0\0\0\u{2}o\n\u{2}\0\0\0\0\0\0\u{2}e\n")
        }
    }

    @Test func `a client that reads nothing before it has sent everything is not waited for`() async throws {
        try await ServerFixture.with { server in
            let id = try await create(server, #"{"Cmd":["cat"],"AttachStdin":true,"AttachStdout":true}"#)
            let client = try await RawClient(server.socketPath)
            try await client.setReading(false)
            try await client.send(request(id, isTerminal: false))
            for _ in 0..<16 { try await client.send([UInt8](repeating: 0x78, count: 65_536)) }
            try await client.endInput()
            try await client.setReading(true)
            #expect(try await client.readToEnd().filter { $0 == "x" }.count >= 16 * 65_536)
        }
    }

    @Test func `output is not held back for ever from a client that does not read`() async throws {
        try await ServerFixture.with { server in
            let id = try await create(server, #"{"Cmd":["exit","0"],"AttachStdout":true}"#)
            let text = request(id, isTerminal: false)
            let socket = try Self.ask(server.socketPath, text)
            // Looked at, and left where it is.
            var buffer = [UInt8](repeating: 0, count: 65_536)
            try await eventually(within: .seconds(10), "the output has come") { () async throws -> Bool in
                let count = recv(socket.raw, &buffer, buffer.count, CInt(MSG_PEEK | MSG_DONTWAIT))
                return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).hasSuffix("e\n")
            }
        }
    }

    /// A connection with a request on it.
    private static func ask(_ path: String, _ request: String) throws -> Descriptor {
        let socket = Descriptor(owning: try check(Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0), "socket"))
        let raw = socket.raw
        try check(try UnixSocketAddress(path).withPointer { connect(raw, $0, $1) }, "connect")
        try socket.writeAll(Array(request.utf8))
        return socket
    }

    /// What each recv(2) gives to a client that takes its time before the first.
    private static func slowReads(_ path: String, _ request: String) throws -> [String] {
        let socket = try ask(path, request)
        usleep(300_000)
        var reads: [String] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(socket.raw, &buffer, buffer.count, 0), count > 0 {
            reads.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        return reads
    }
}
