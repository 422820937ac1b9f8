import Addressing
import Model
import Testing

@testable import Engine

/// Addresses that containers on record have asked for, whether they run or not.
@Suite(.timeLimit(.minutes(1))) struct AskedAddressTests {
    @Test func `what containers asked for is known by the network's name until they are gone`() async throws {
        try await LifeFixture.run { fixture in
            let address = try #require(IPAddress("192.0.2.3"))
            func isAsked(of id: String) async throws -> Bool {
                var found = false
                try await fixture.table.allocate(id) { _, _, isAsked in found = isAsked("n", address) }
                return found
            }
            for id in ["one", "other"] {
                try await fixture.make(id) { record in
                    // As one that has never been started is on record.
                    var endpoint = EndpointRecord(networkID: "", networkName: "n")
                    endpoint.requested = EndpointSettings()
                    endpoint.requested?.ipamConfig = EndpointSettings.AddressRequest()
                    if id == "one" { endpoint.requested?.ipamConfig?.iPv4Address = "192.0.2.3" }
                    record.endpoints = [endpoint]
                }
            }
            #expect(try await isAsked(of: "other"))
            let own = try await isAsked(of: "one")
            #expect(!own, "its own wish is not in its way")
            try await fixture.table.update("one") { $0.endpoints[0].networkID = "id" }
            #expect(try await isAsked(of: "other"))
            try await fixture.service.removeContainer("one", force: false, removeVolumes: false)
            let isLeft = try await isAsked(of: "other")
            #expect(!isLeft)
        }
    }
}
