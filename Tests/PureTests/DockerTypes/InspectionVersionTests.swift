import DockerTypes
import Model
import Testing

/// Containers as clients of older versions of the API are told of them.
@Suite struct InspectionVersionTests {
    private func aliases(_ asked: [String]?, hostname: String, _ version: APIVersion) -> [String: [String]?] {
        var inspection = ContainerInspection()
        inspection.identifier = String(repeating: "ab", count: 32)
        inspection.config.hostname = hostname
        for network in ["bridge", "host", "none", "app"] {
            var settings = EndpointSettings()
            if network == "app" { settings.aliases = asked }
            inspection.networkSettings.networks[network] = settings
        }
        return inspection.adapted(to: version).networkSettings.networks.mapValues(\.aliases)
    }

    private func expected(_ app: [String]?) -> [String: [String]?] {
        ["bridge": nil, "host": nil, "none": nil, "app": app]
    }

    @Test func `before 1 point 45 a container's own names are among its aliases, each once`() {
        let older = APIVersion(1, 44)
        #expect(aliases(nil, hostname: "abababababab", older) == expected(["abababababab"]))
        #expect(aliases(["db"], hostname: "box", older) == expected(["db", "abababababab", "box"]))
        #expect(aliases(["box", "db"], hostname: "box", older) == expected(["box", "db", "abababababab"]))
        #expect(aliases(nil, hostname: "", APIVersion(1, 24)) == expected(["abababababab"]))
    }

    @Test func `since then aliases are those that were asked for`() {
        for version in [APIVersion(1, 45), .newest] {
            #expect(aliases(nil, hostname: "box", version) == expected(nil))
            #expect(aliases(["db"], hostname: "box", version) == expected(["db"]))
        }
    }
}
