import AsyncHTTPClient
import Concurrency
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Dashboard

@Suite struct DashboardServerTests {
    @Test func `every file of the page is served with its tag and under the policy`() async throws {
        try await DashboardFixture.with { fixture in
            #expect(PageFiles.all.count > 10)
            for name in PageFiles.all.keys.sorted() {
                let path = name == "index.html" ? "/services" : "/a/\(name)"
                let answer = try await fixture.ask(.GET, path, isOwnPage: false)
                #expect(answer.status == .ok && answer.version == .http2)
                let policy = try #require(answer.headers.first(name: "Content-Security-Policy"))
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
                #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff")
                let tag = try #require(answer.headers.first(name: "ETag"))
                let again = try await fixture.ask(.GET, path, isOwnPage: false, headers: [("If-None-Match", tag)])
                #expect(again.status == .notModified)
            }
            let packed = try await fixture.ask(.GET, "/a/dashboard.css", headers: [("Accept-Encoding", "gzip, br")])
            #expect(packed.headers.first(name: "Content-Encoding") == "gzip")
            let bytes = try await packed.body.collect(upTo: 1 << 20)
            #expect(bytes.readableBytes < (PageFiles.all["dashboard.css"]?.bytes.readableBytes ?? 0) / 2)
            #expect(try await fixture.ask(.GET, "/a/none.js").status == .notFound)
            #expect(try await fixture.ask(.GET, "/a/../index.html").status == .notFound)
        }
    }

    @Test func `nothing is told to whoever has not signed in`() async throws {
        try await DashboardFixture.with { fixture in
            for path in [
                "state", "stream", "query?series=cpu&from=0&to=1", "logs?from=0&to=1", "logs/volume?from=0&to=1",
                "events?from=0&to=1", "logs/download?from=0&to=1",
            ] {
                for cookie in [nil, "", "x.y", "e30.e30"] {
                    let answer = try await fixture.ask(.GET, "/ui/v1/\(path)", cookie: cookie)
                    #expect(answer.status == .unauthorized, "\(path)")
                }
            }
            let order = #"{"service":"web","version":1,"replicas":9}"#
            #expect(try await fixture.ask(.POST, "/ui/v1/actions/scale", body: order).status == .unauthorized)
            let greeting = try await fixture.text(try await fixture.ask(.GET, "/ui/v1/session"))
            #expect(greeting.contains(#""cluster":"production""#) && greeting.contains(#""hasAccounts":true"#))
            #expect(await fixture.backend.done.isEmpty)
        }
    }

    @Test func `a session is a cookie that scripts and other sites do not get`() async throws {
        try await DashboardFixture.with(http1: true) { fixture in
            let answer = try await fixture.signIn("vera")
            let field = try #require(answer.headers.first(name: "Set-Cookie"))
            for part in ["__Host-apus=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
                #expect(field.contains(part))
            }
            #expect(try await fixture.signIn("vera", "wrong horse").status == .unauthorized)
            let cookie = try await fixture.cookie("otto")
            #expect(try await fixture.ask(.GET, "/ui/v1/state", cookie: cookie).status == .ok)
            let out = try await fixture.ask(.DELETE, "/ui/v1/session", cookie: cookie)
            #expect(out.headers.first(name: "Set-Cookie")?.contains("Max-Age=0") == true)
        }
    }

    @Test func `writes of another site's are refused`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            let order = #"{"service":"web","version":1,"replicas":9}"#
            for headers in [
                [], [("X-Apus", "1")], [("X-Apus", "1"), ("Sec-Fetch-Site", "cross-site")],
                [("Sec-Fetch-Site", "same-origin")],
            ] {
                let answer = try await fixture.ask(
                    .POST, "/ui/v1/actions/scale", cookie: cookie, body: order, isOwnPage: false, headers: headers)
                #expect(answer.status == .forbidden)
            }
            #expect(await fixture.backend.done.isEmpty)
        }
    }

    @Test func `operators act, viewers do not`() async throws {
        try await DashboardFixture.with { fixture in
            let order = #"{"service":"web","version":7,"replicas":9}"#
            let viewer = try await fixture.cookie("vera")
            let refused = try await fixture.ask(.POST, "/ui/v1/actions/scale", cookie: viewer, body: order)
            #expect(refused.status == .forbidden)
            let cookie = try await fixture.cookie("otto")
            #expect(
                try await fixture.ask(.POST, "/ui/v1/actions/scale", cookie: cookie, body: order).status == .noContent)
            let done = await fixture.backend.done
            #expect(done.count == 1 && done.first?.1 == "otto")
            #expect(done.first?.0 == .scale(service: "web", version: 7, replicas: 9))
            for (name, body) in [
                ("scale", #"{"service":"web","version":7,"replicas":-1}"#), ("scale", "{"), ("scale", "[]"),
                ("explode", order),
                ("scale", #"{"service":"web","version":7,"replicas":1e99}"#),
                ("availability", #"{"node":"n","version":1,"availability":"gone"}"#),
            ] {
                let answer = try await fixture.ask(.POST, "/ui/v1/actions/\(name)", cookie: cookie, body: body)
                #expect(answer.status == .badRequest, "\(name) \(body)")
            }
        }
    }

    @Test func `what is refused is written down, within a bound, and no name that may be a password`() async throws {
        try await DashboardFixture.with { fixture in
            let viewer = try await fixture.cookie("vera")
            let order = #"{"service":"web","version":7,"replicas":9}"#
            for (path, body) in [
                ("actions/scale", order), ("actions/scale", "{"), ("actions/explode", order),
                ("terminals", #"{"container":"c1","columns":80,"rows":24}"#),
            ] {
                let answer = try await fixture.ask(.POST, "/ui/v1/\(path)", cookie: viewer, body: body)
                #expect(answer.status == .forbidden)
            }
            var refusals = await fixture.backend.refusals
            #expect(refusals.map(\.action) == ["scale", "order", "order", "terminal"])
            #expect(refusals.map(\.subject) == ["web", "", "", "c1"])
            #expect(
                refusals.allSatisfy { $0.user == "vera" && $0.address == "127.0.0.1" && $0.reason == "notAllowed" })
            for _ in 0..<30 { _ = try await fixture.ask(.POST, "/ui/v1/actions/scale", cookie: viewer, body: order) }
            #expect(await fixture.backend.refusals.count == RefusalBook.perAsker)
            _ = try await fixture.signIn("vera", "wrong horse")
            _ = try await fixture.signIn("correct horse", "vera")
            refusals = await fixture.backend.refusals.filter { $0.action == "sign-in" }
            #expect(refusals.map(\.user) == ["vera", nil] && refusals.map(\.reason) == ["wrong", "wrong"])
            #expect(!"\(refusals)".contains("horse"))
            #expect(await fixture.backend.done.isEmpty)
        }
    }

    @Test func `lines are to be had as a file, one a line, with what people call their tasks and nodes`() async throws {
        try await DashboardFixture.with { fixture in
            var state = DashboardState(cluster: ClusterView())
            var (node, service, task) = (NodeView(id: "n1"), ServiceView(id: "s1"), TaskView(id: "t1"))
            (node.name, service.name, task.service, task.slot) = ("one", "web", "s1", 2)
            (state.nodes, state.services, state.tasks) = ([node], [service], [task])
            await fixture.backend.show(state)
            let cookie = try await fixture.cookie("vera")
            let answer = try await fixture.ask(
                .GET, "/ui/v1/logs/download?scope=service:s1&from=1000&to=2000&text=x", cookie: cookie)
            #expect(answer.status == .ok && answer.headers.first(name: "content-type") == "text/plain; charset=utf-8")
            #expect(
                answer.headers.first(name: "content-disposition") == #"attachment; filename="logs-1000-2000.txt""#)
            #expect(answer.headers.first(name: "cache-control") == "no-store")
            let text = try await fixture.text(answer)
            #expect(
                text == """
                    2026-01-02T03:04:05.000000001Z web.2@one stdout x ␛[2J␍line 1
                    2026-01-02T03:04:05.000000002Z web.2@one stderr x ␛[2J␍line 2
                    # n3 did not answer

                    """)
            let bad = try await fixture.ask(.GET, "/ui/v1/logs/download?from=5&to=1", cookie: cookie)
            #expect(bad.status == .badRequest)
        }
    }

    @Test(arguments: [true, false])
    func `a file that nobody takes any more gives back its logs, though they are silent`(http1: Bool) async throws {
        try await DashboardFixture.with(http1: http1) { fixture in
            let cookie = try await fixture.cookie("vera")
            await withThrowingTaskGroup(of: Void.self) { group in
                let (begun, begin) = AsyncStream<Void>.makeStream()
                group.addTask {
                    let path = "/ui/v1/logs/download?from=1&to=2&text=silent"
                    let file = try await fixture.ask(.GET, path, cookie: cookie)
                    for try await _ in file.body { begin.yield() }
                }
                for await _ in begun { break }
                group.cancelAll()
                try? await group.waitForAll()  // It was cancelled.
            }
            let gone = try await eventually(within: .seconds(20)) { fixture.backend.gone.withLock { $0 } == 1 }
            #expect(gone)
        }
    }

    @Test func `bodies, targets and windows are bounded`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            let long = String(repeating: "x", count: 20_000)
            #expect(
                try await fixture.ask(.POST, "/ui/v1/actions/scale", cookie: cookie, body: "{\"service\":\"\(long)\"}")
                    .status == .payloadTooLarge)
            #expect(
                try await fixture.ask(.GET, "/ui/v1/state?\(long.prefix(9000))", cookie: cookie).status
                    == .payloadTooLarge)
            for query in [
                "from=0&to=99999999999999", "from=5&to=1", "from=x&to=1", "to=1", "from=-1&to=5",
                "from=9223372036854775807&to=-9223372036854775808",
            ] {
                #expect(
                    try await fixture.ask(.GET, "/ui/v1/logs?\(query)", cookie: cookie).status == .badRequest,
                    "\(query)")
            }
            #expect(
                try await fixture.ask(.GET, "/ui/v1/query?series=cpu&from=0&to=9", cookie: cookie).status
                    == .notImplemented)
            #expect(try await fixture.ask(.GET, "/ui/v1/nothing", cookie: cookie).status == .notFound)
        }
    }

    @Test func `a tab is told the state, what changes, and events`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("vera")
            var state = DashboardState(cluster: ClusterView())
            state.services = [ServiceView(id: "web")]
            await fixture.backend.show(state)
            let answer = try await fixture.ask(
                .GET, "/ui/v1/stream?tail=service:web", cookie: cookie, headers: [("Last-Event-ID", "c41")])
            #expect(answer.headers.first(name: "Content-Type") == "text/event-stream")
            let seen = SeenText()
            try await withDeadline(.seconds(20)) {
                for try await chunk in answer.body {
                    let text = seen.add(String(buffer: chunk))
                    if text.contains(#""id":"web""#), seen.step == 0,
                        text.contains("event: lines")
                    {
                        seen.step = 1
                        var next = DashboardState(cluster: ClusterView())
                        next.services = [ServiceView(id: "api")]
                        await fixture.backend.show(next)
                    }
                    if seen.step == 1, text.contains(#""gone":{"services":["web"]}"#) {
                        seen.step = 2
                        var event = EventView(time: 5, type: "service", action: "update", id: "api")
                        event.cursor = "c42"
                        await fixture.backend.happen(event)
                    }
                    if seen.step == 2, text.contains("id: c42\nevent: event\n") { break }
                }
            }
            #expect(seen.text.contains(#""whole":true"#) && seen.text.contains(#""whole":false"#))
            #expect(await fixture.backend.askedAfter == ["c41"])
        }
    }

    @Test func `a tab that comes back and knows all of it is told at once that it is still so`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("vera")
            let answer = try await fixture.ask(.GET, "/ui/v1/state", cookie: cookie)
            struct Known: Decodable {
                var epoch: String
                var revision: UInt64
            }
            let known = try JSONDecoder().decode(Known.self, from: Data(try await fixture.text(answer).utf8))
            let again = try await fixture.ask(
                .GET, "/ui/v1/stream?epoch=\(known.epoch)&revision=\(known.revision)", cookie: cookie,
                isOwnPage: false)
            try await withDeadline(.seconds(10)) {
                for try await part in again.body {
                    #expect(String(buffer: part) == "event: ping\ndata: {}\n\n")
                    break
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func `a tab that is closed gives back what its stream had, at once and in silence`(http1: Bool) async throws {
        try await DashboardFixture.with(http1: http1) { fixture in
            let cookie = try await fixture.cookie("vera")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (begun, begin) = AsyncStream<Void>.makeStream()
                group.addTask {
                    let tab = try await fixture.ask(.GET, "/ui/v1/stream", cookie: cookie, isOwnPage: false)
                    for try await _ in tab.body { begin.yield() }
                }
                for await _ in begun { break }
                let isRead = try await eventually { await fixture.backend.hasReaders }
                #expect(isRead)
                group.cancelAll()
                try? await group.waitForAll()  // It was cancelled.
            }
            let gone = try await eventually(within: .seconds(20)) { fixture.backend.gone.withLock { $0 } == 1 }
            #expect(gone)
        }
    }

    @Test func `an account that is ended is out at once, of open tabs and terminals as well`() async throws {
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            let tab = try await fixture.ask(.GET, "/ui/v1/stream", cookie: cookie, isOwnPage: false)
            let opened = try await fixture.ask(
                .POST, "/ui/v1/terminals", cookie: cookie, body: #"{"container":"c1","columns":80,"rows":24}"#)
            struct Opened: Decodable { var id: String }
            let id = try JSONDecoder().decode(Opened.self, from: Data(try await fixture.text(opened).utf8)).id
            let shell = try await fixture.ask(.GET, "/ui/v1/terminals/\(id)", cookie: cookie, isOwnPage: false)
            #expect(try await fixture.server.accounts.store.remove("otto"))
            // Well before the next look at who reads, after fifteen seconds.
            try await withDeadline(.seconds(10)) {
                for answer in [tab, shell] {
                    var told = ""
                    for try await part in answer.body { told += String(buffer: part) }
                    #expect(told.contains("event: signedout"))
                }
            }
            let terminal = try #require(await fixture.backend.terminals.first)
            let hasLeft = try await eventually(within: .seconds(20)) { terminal.hasLeft }
            #expect(hasLeft)
        }
    }

    @Test func `an open stream does not hold up the end`() async throws {
        let clock = ContinuousClock()
        var begun = clock.now
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("vera")
            let answer = try await fixture.ask(.GET, "/ui/v1/stream", cookie: cookie)
            var iterator = answer.body.makeAsyncIterator()
            _ = try await iterator.next()
        }
        begun = begun.advanced(by: .seconds(20))
        #expect(clock.now < begun)
    }

    @Test func `a link signs in once`() async throws {
        try await DashboardFixture.with(accounts: false) { fixture in
            let link = try fixture.server.makeLink()
            #expect(link.url.hasPrefix("https://127.0.0.1:\(fixture.place.port)/open#") && link.fingerprint.count == 95)
            let token = try #require(link.url.split(separator: "#").last)
            let first = try await fixture.ask(.POST, "/ui/v1/session/link", body: #"{"token":"\#(token)"}"#)
            let second = try await fixture.ask(.POST, "/ui/v1/session/link", body: #"{"token":"\#(token)"}"#)
            #expect(first.status == .ok && second.status == .unauthorized)
        }
    }

    @Test func `who says nothing is cut off, and one address does not take all places`() async throws {
        try await DashboardFixture.with(handshake: .seconds(2), perAddress: 2) { fixture in
            let group = MultiThreadedEventLoopGroup.singleton
            let place = fixture.place
            let channels = try await withThrowingTaskGroup(of: (any Channel).self) { tasks in
                for _ in 0..<4 {
                    tasks.addTask {
                        try await ClientBootstrap(group: group).connect(host: place.host, port: place.port).get()
                    }
                }
                return try await tasks.reduce(into: [any Channel]()) { $0.append($1) }
            }
            try await withDeadline(.seconds(30)) { for channel in channels { try await channel.closeFuture.get() } }
            let isServed = try await eventually {
                // Their places may be given back a moment later.
                (try? await fixture.ask(.GET, "/").status) == .ok
            }
            #expect(isServed)
        }
    }

    @Test func `the first account opens the address, the last one's removal closes it`() async throws {
        let store = try FileAccountStore(directory: "/tmp/apus-dashboard-\(UInt32.random(in: .min ... .max))")
        let places = { (accounts: Bool) in
            ListenerPlan.places(asked: nil, advertised: "10.9.8.7", hasAccounts: accounts).count
        }
        #expect(places(!(await store.accounts().isEmpty)) == 1)
        try await DashboardAccounts(store: store, cost: DashboardFixture.cheap).add(
            name: "mei", role: .viewer, password: "correct horse")
        #expect(places(!(await store.accounts().isEmpty)) == 2)
        #expect(try await store.remove("mei"))
        #expect(try await !store.remove("mei"))
        #expect(places(!(await store.accounts().isEmpty)) == 1)
    }

    @Test func `accounts are there after a restart, and none are made up for a file that cannot be read`() async throws
    {
        let directory = "/tmp/apus-dashboard-\(UInt32.random(in: .min ... .max))"
        let store = try FileAccountStore(directory: directory)
        try await DashboardAccounts(store: store, cost: DashboardFixture.cheap).add(
            name: "mei", role: .viewer, password: "correct horse")
        let again = try FileAccountStore(directory: directory)
        #expect(await again.accounts() == store.accounts())
        #expect(await again.signingKey() == store.signingKey())
        try "{".write(toFile: directory + "/accounts.json", atomically: true, encoding: .utf8)
        #expect(throws: (any Error).self) { try FileAccountStore(directory: directory) }
    }
}

/// What a stream has said so far.
// Safe: one task reads the stream, and the test looks when that has ended.
private final class SeenText: @unchecked Sendable {
    var text = ""
    var step = 0
    func add(_ more: String) -> String {
        text += more
        return text
    }
}
