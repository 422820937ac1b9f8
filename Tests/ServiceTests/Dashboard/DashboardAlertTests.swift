import AsyncHTTPClient
import Foundation
import NIOHTTP1
import Testing

@testable import Dashboard

/// Rules and silences at the dashboard.
@Suite struct DashboardAlertTests {
    @Test func `rules and silences are shown to all, and operators end silences`() async throws {
        try await DashboardFixture.with { fixture in
            let order = #"{"silence":"s1"}"#
            let viewer = try await fixture.cookie("vera")
            let shown = try await fixture.ask(.GET, "/ui/v1/alerts", cookie: viewer)
            #expect(shown.status == .ok)
            #expect(try await fixture.text(shown).contains(#""labels":{"node":"n1"}"#))
            #expect(try await fixture.ask(.GET, "/ui/v1/alerts").status == .unauthorized)
            let refused = try await fixture.ask(.POST, "/ui/v1/actions/unsilence", cookie: viewer, body: order)
            #expect(refused.status == .forbidden)
            let cookie = try await fixture.cookie("otto")
            let none = try await fixture.ask(.POST, "/ui/v1/actions/unsilence", cookie: cookie, body: "{}")
            #expect(none.status == .badRequest)
            let ended = try await fixture.ask(.POST, "/ui/v1/actions/unsilence", cookie: cookie, body: order)
            #expect(ended.status == .noContent)
            let done = await fixture.backend.done
            #expect(done.count == 1 && done.first?.0 == .unsilence("s1") && done.first?.1 == "otto")
        }
    }
}
