import EngineInterface
import Model
import Testing

@testable import Engine

/// What programs meet that list containers and make them anew.
@Suite(.timeLimit(.minutes(2))) struct ContainerListTests {
    @Test func `a container's image is called by its id as soon as its name is another's, or nobody's`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            let id = try await fixture.create(["true"])
            func image() async throws -> String? {
                var query = ContainerQuery()
                query.all = true
                return try await engine.listing.listContainers(query).first { $0.identifier == id }?.image
            }
            #expect(try await image() == "box")
            try await engine.images.tagImage("box", repository: "kept", tag: "")
            _ = try await engine.images.removeImage("box", platform: nil, force: false, prune: true)
            let own = try fixture.record(id).imageID
            #expect(try await image() == own)
            #expect(try await engine.listing.inspectContainer(id, size: false).config.image == "box")
            try await engine.images.tagImage("kept", repository: "box", tag: "")
            #expect(try await image() == "box")
        }
    }

    /// Watchtower makes a container anew by the name that inspect has shown, when the one before is gone.
    @Test func `a name is taken as it is shown, with a slash before it`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var request = ContainerCreateRequest()
            request.configuration.image = "box"
            request.configuration.cmd = StringList(["true"])
            let wanted = request
            let id = try await engine.factory.createContainer(name: "/web", platform: nil, wanted).id
            #expect(try await engine.listing.inspectContainer("web", size: false).name == "/web")
            try await engine.containers.renameContainer(id, to: "/other")
            #expect(try fixture.record(id).name == "other")
            for name in ["/", "//web", "/-web"] {
                await #expect(throws: ContainerError.invalidName(name)) {
                    _ = try await engine.factory.createContainer(name: name, platform: nil, wanted)
                }
            }
        }
    }

    @Test func `one that does not run may be told once more of a network that it is on`() async throws {
        try await EngineFixture.run { fixture in
            let engine = fixture.engine
            var network = NetworkRequest()
            network.name = "n"
            _ = try await engine.networks.createNetwork(network)
            var settings = EndpointSettings()
            settings.aliases = ["db"]
            let first = settings
            let id = try await fixture.create(["sleep", "1000"]) {
                $0.hostConfig.networkMode = "n"
                $0.networkingConfig = NetworkingConfiguration()
                $0.networkingConfig?.endpointsConfig = ["n": first]
            }
            settings.aliases = ["cache"]
            let asked = settings
            try await engine.endpoints.connectNetwork("n", container: id, settings: asked)
            #expect(try fixture.record(id).endpoints.map { $0.requested?.aliases } == [["db"]])
            try await engine.containers.startContainer(id)
            await #expect(throws: EndpointError.self) {
                try await engine.endpoints.connectNetwork("n", container: id, settings: asked)
            }
        }
    }
}
