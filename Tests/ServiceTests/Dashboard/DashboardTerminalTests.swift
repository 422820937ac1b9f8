import AsyncHTTPClient
import Dashboard
import Foundation
import NIOCore
import Testing

/// Terminals in containers, which operators may open where the manager allows it.
@Suite(.timeLimit(.minutes(1))) struct DashboardTerminalTests {
    private static let order = #"{"container":"c1","columns":80,"rows":24}"#

    /// Opens one and gives its name.
    private static func open(_ fixture: DashboardFixture, _ cookie: String) async throws -> String {
        let answer = try await fixture.ask(.POST, "/ui/v1/terminals", cookie: cookie, body: order)
        #expect(answer.status == .ok)
        struct Opened: Decodable { var id: String }
        let text = try await fixture.text(answer)
        return try JSONDecoder().decode(Opened.self, from: Data(text.utf8)).id
    }

    /// What has been told until it says so: events with their bytes as text.
    private static func read(_ answer: HTTPClientResponse, until end: String) async throws -> String {
        var told = ""
        var rest = ""
        for try await part in answer.body {
            rest += String(buffer: part)
            while let line = rest.range(of: "\n") {
                let text = String(rest[..<line.lowerBound])
                rest = String(rest[line.upperBound...])
                guard text.hasPrefix("data: ") else { continue }
                let data = String(text.dropFirst(6))
                told += Data(base64Encoded: data).map { String(decoding: $0, as: UTF8.self) } ?? data
            }
            if told.contains(end) { break }
        }
        return told
    }

    @Test func `an operator types, sees what comes of it, and is told how it ends`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            let id = try await Self.open(fixture, cookie)
            let terminal = try #require(await fixture.backend.terminals.first)
            #expect(terminal.container == "c1" && terminal.user == "otto" && terminal.size.columns == 80)
            let output = try await fixture.ask(.GET, "/ui/v1/terminals/\(id)", cookie: cookie, isOwnPage: false)
            #expect(output.status == .ok && output.headers.first(name: "Content-Type") == "text/event-stream")
            for text in ["ls\\r", "漢"] {
                let typed = try await fixture.ask(
                    .POST, "/ui/v1/terminals/\(id)/input", cookie: cookie, body: #"{"text":"\#(text)"}"#)
                #expect(typed.status == .noContent)
            }
            let sized = try await fixture.ask(
                .POST, "/ui/v1/terminals/\(id)/size", cookie: cookie, body: #"{"columns":100,"rows":30}"#)
            #expect(sized.status == .noContent && terminal.size == DashboardTerminalSize(columns: 100, rows: 30))
            // One reader, and no more.
            let second = try await fixture.ask(.GET, "/ui/v1/terminals/\(id)", cookie: cookie, isOwnPage: false)
            #expect(second.status == .notFound)
            let bye = try await fixture.ask(
                .POST, "/ui/v1/terminals/\(id)/input", cookie: cookie, body: #"{"text":"\u0004"}"#)
            #expect(bye.status == .noContent)
            let told = try await Self.read(output, until: "code")
            #expect(told == "$ ls\r漢{\"code\":7}", "\(told)")
            let hasLeft = try await eventually { terminal.hasLeft }
            #expect(hasLeft)
            let late = try await fixture.ask(
                .POST, "/ui/v1/terminals/\(id)/input", cookie: cookie, body: #"{"text":"x"}"#)
            #expect(late.status == .notFound)
        }
    }

    @Test func `viewers, others and other sites get at none, and none is opened where that is off`() async throws {
        try await DashboardFixture.with { fixture in
            let (otto, vera) = (try await fixture.cookie("otto"), try await fixture.cookie("vera"))
            for (cookie, status) in [(nil, 401), (vera, 403)] {
                let answer = try await fixture.ask(.POST, "/ui/v1/terminals", cookie: cookie, body: Self.order)
                #expect(answer.status.code == status)
            }
            let foreign = try await fixture.ask(
                .POST, "/ui/v1/terminals", cookie: otto, body: Self.order, isOwnPage: false)
            #expect(foreign.status == .forbidden)
            #expect(await fixture.backend.terminals.isEmpty)
            let id = try await Self.open(fixture, otto)
            for path in ["", "/input", "/size"] {
                let answer = try await fixture.ask(
                    path.isEmpty ? .GET : .POST, "/ui/v1/terminals/\(id)\(path)", cookie: vera,
                    body: path.isEmpty ? nil : #"{"text":"x","columns":9,"rows":9}"#)
                #expect(answer.status == .forbidden)
            }
            let gone = try await fixture.ask(.DELETE, "/ui/v1/terminals/\(id)", cookie: vera)
            #expect(gone.status == .notFound)
            let terminal = try #require(await fixture.backend.terminals.first)
            #expect(!terminal.hasLeft)
            for body in [#"{"container":"c","columns":1,"rows":24}"#, #"{"container":"","columns":80,"rows":24}"#] {
                let answer = try await fixture.ask(.POST, "/ui/v1/terminals", cookie: otto, body: body)
                #expect(answer.status == .badRequest)
            }
            await fixture.backend.open(false)
            let off = try await fixture.ask(.POST, "/ui/v1/terminals", cookie: otto, body: Self.order)
            #expect(off.status == .notImplemented)
        }
    }

    @Test func `a user has four at the most, and one that is closed is told to end`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            var open: [String] = []
            for _ in 0..<4 { open.append(try await Self.open(fixture, cookie)) }
            let more = try await fixture.ask(.POST, "/ui/v1/terminals", cookie: cookie, body: Self.order)
            #expect(more.status == .tooManyRequests)
            let closed = try await fixture.ask(.DELETE, "/ui/v1/terminals/\(open[0])", cookie: cookie)
            #expect(closed.status == .noContent)
            let terminals = await fixture.backend.terminals
            #expect(terminals.map(\.hasLeft) == [true, false, false, false])
            _ = try await Self.open(fixture, cookie)
        }
    }

    @Test(arguments: [true, false])
    func `whoever looks and goes takes the shell along, at once and in silence`(http1: Bool) async throws {
        try await DashboardFixture.with(http1: http1) { fixture in
            let cookie = try await fixture.cookie("otto")
            let id = try await Self.open(fixture, cookie)
            let terminal = try #require(await fixture.backend.terminals.first)
            await withThrowingTaskGroup(of: Void.self) { group in
                let (begun, begin) = AsyncStream<Void>.makeStream()
                group.addTask {
                    let output = try await fixture.ask(
                        .GET, "/ui/v1/terminals/\(id)", cookie: cookie, isOwnPage: false)
                    for try await _ in output.body { begin.yield() }
                }
                for await _ in begun { break }
                group.cancelAll()
                try? await group.waitForAll()  // It was cancelled.
            }
            // Nothing is said any more that would find out.
            let hasLeft = try await eventually(within: .seconds(20)) { terminal.hasLeft }
            #expect(hasLeft)
        }
    }
}
