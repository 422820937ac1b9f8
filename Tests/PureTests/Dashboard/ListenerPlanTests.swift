import Testing

@testable import Dashboard

@Suite struct ListenerPlanTests {
    private typealias Place = ListenerPlan.Place

    @Test func `without an account it is this machine alone`() {
        let home = [Place(host: "127.0.0.1", port: 2378)]
        #expect(ListenerPlan.places(asked: nil, advertised: "10.0.0.1", hasAccounts: false) == home)
        let wide = Place(host: "0.0.0.0", port: 9000)
        #expect(
            ListenerPlan.places(asked: wide, advertised: "10.0.0.1", hasAccounts: false)
                == [Place(host: "127.0.0.1", port: 9000)])
    }

    @Test func `with an account it is the manager's address as well`() {
        #expect(
            ListenerPlan.places(asked: nil, advertised: "10.0.0.1", hasAccounts: true)
                == [Place(host: "127.0.0.1", port: 2378), Place(host: "10.0.0.1", port: 2378)])
        let wide = Place(host: "0.0.0.0", port: 9000)
        #expect(ListenerPlan.places(asked: wide, advertised: "10.0.0.1", hasAccounts: true) == [wide])
    }

    @Test func `loopback is loopback`() {
        let six = Place(host: "::1", port: 9)
        #expect(ListenerPlan.places(asked: six, advertised: "10.0.0.1", hasAccounts: true) == [six])
    }

    @Test func `who manages nothing serves nothing`() {
        #expect(ListenerPlan.places(asked: nil, advertised: nil, hasAccounts: true) == [])
    }

    @Test func `addresses are read`() throws {
        #expect(try ListenerPlan.place(from: "") == nil)
        #expect(try ListenerPlan.place(from: ":99") == Place(host: "0.0.0.0", port: 99))
        #expect(try ListenerPlan.place(from: "10.0.0.1") == Place(host: "10.0.0.1", port: 2378))
        #expect(try ListenerPlan.place(from: "fd00::1") == Place(host: "fd00::1", port: 2378))
        #expect(try ListenerPlan.place(from: "[fd00::1]:99") == Place(host: "fd00::1", port: 99))
    }

    @Test(arguments: ["a:b", ":0", ":65536", "[::1]x", "a:", "10.0.0.1:-1"])
    func `no address`(text: String) {
        #expect(throws: DashboardError(.badRequest)) { try ListenerPlan.place(from: text) }
    }
}
