import AsyncHTTPClient
import Concurrency
import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import Dashboard

/// The requests of the page, as `Tests/Page/contract.json` has them.
@Suite struct DashboardContractRouteTests {
    private struct Contract: Decodable {
        /// Paths below `/ui/v1/`.
        var reads: [String]
        /// Name → the fields of its body.
        var actions: [String: [String]]
    }

    private static func contract() throws -> Contract {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try JSONDecoder().decode(
            Contract.self, from: Data(contentsOf: tests.appending(path: "Page/contract.json")))
    }

    @Test func `every request of the page has its route`() async throws {
        let contract = try Self.contract()
        #expect(!contract.reads.isEmpty && !contract.actions.isEmpty)
        let values = [
            "service": #""web""#, "node": #""n1""#, "alert": #""a1""#, "silence": #""s1""#, "image": #""nginx""#,
            "availability": #""drain""#, "version": "1", "replicas": "2", "minutes": "5",
        ]
        try await DashboardFixture.with { fixture in
            let cookie = try await fixture.cookie("otto")
            for path in contract.reads {
                let answer = try await fixture.ask(
                    .GET, "/ui/v1/\(path)?from=0&to=60000&series=cpu", cookie: cookie)
                // This one keeps no metrics.
                let wanted: HTTPResponseStatus = path == "query" ? .notImplemented : .ok
                #expect(answer.status == wanted, "\(path)")
                // Of a stream, which does not end by itself, the beginning.
                for try await _ in answer.body { if path == "stream" { break } }
            }
            for (name, fields) in contract.actions {
                var parts: [String] = []
                for field in fields {
                    let value = try #require(values[field], "\(field)")
                    parts.append("\"\(field)\":\(value)")
                }
                let body = "{\(parts.joined(separator: ","))}"
                let answer = try await fixture.ask(
                    .POST, "/ui/v1/actions/\(name)", cookie: cookie, body: body)
                #expect(answer.status == .noContent, "\(name)")
            }
            #expect(await fixture.backend.done.count == contract.actions.count)
        }
    }
}
