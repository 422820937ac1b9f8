import EngineInterface
import Model
import Testing

@testable import Cluster

/// Whose credentials the nodes pull a service's image with after a change of it. Source: moby, `Cluster.UpdateService`.
@Suite(.timeLimit(.minutes(1))) struct ServiceCredentialTableTests {
    private static func spec(_ image: String, _ header: String? = nil) -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = "web"
        spec.mode.replicated = .init(replicas: 1)
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = image
        spec.taskTemplate.registryAuth = header
        return spec
    }

    /// What is kept: of the present specification, of the one before.
    private static func kept(_ manager: Manager) throws -> [String?] {
        let service = try manager.findService("web")
        return [service.spec.taskTemplate.registryAuth, service.previousSpec?.taskTemplate.registryAuth]
    }

    private static func update(
        _ manager: Manager, _ spec: ServiceSpec, rollback: Bool = false, from origin: CredentialsOrigin = .spec
    ) async throws {
        let version = try manager.findService("web").version.index
        _ = try await manager.updateService(
            "web", version: version, spec, rollback: rollback, credentialsFrom: origin)
    }

    @Test func `an update keeps the credentials, takes others, or those of before`() async throws {
        try await ManagerTests().withManager([]) { manager, _ in
            _ = try await manager.createService(Self.spec("box:1", "one"))
            #expect(try Self.kept(manager) == ["one", nil])
            await #expect(throws: ServiceError.noPreviousCredentials) {
                try await Self.update(manager, Self.spec("box:2"), from: .previousSpec)
            }
            // Those of the request count, whatever else it asks for.
            try await Self.update(manager, Self.spec("box:2", "two"), from: .previousSpec)
            #expect(try Self.kept(manager) == ["two", "one"])
            try await Self.update(manager, Self.spec("box:3"))
            #expect(try Self.kept(manager) == ["two", "two"])
            try await Self.update(manager, Self.spec("box:4", "three"))
            #expect(try Self.kept(manager) == ["three", "two"])
            try await Self.update(manager, Self.spec("box:5"), from: .previousSpec)
            #expect(try Self.kept(manager) == ["two", "three"])
            // Back to the specification of before, as it was.
            try await Self.update(manager, Self.spec("box:5", "four"), rollback: true)
            #expect(try Self.kept(manager) == ["three", "two"])
            #expect(try manager.findService("web").spec.taskTemplate.containerSpec?.image == "box:4")
        }
    }

    @Test func `a service without credentials gets them by an update, and a rollback takes them`() async throws {
        try await ManagerTests().withManager([]) { manager, _ in
            _ = try await manager.createService(Self.spec("box:1"))
            #expect(try Self.kept(manager) == [nil, nil])
            try await Self.update(manager, Self.spec("box:1"))
            try await Self.update(manager, Self.spec("box:1"), from: .previousSpec)
            #expect(try Self.kept(manager) == [nil, nil])
            try await Self.update(manager, Self.spec("box:1", "one"))
            #expect(try Self.kept(manager) == ["one", nil])
            try await Self.update(manager, Self.spec("box:1"), rollback: true)
            #expect(try Self.kept(manager) == [nil, "one"])
        }
    }

    @Test func `what a manager tells of services and tasks is without credentials`() async throws {
        var task = SwarmTask(id: "t1")
        task.nodeID = "n1"
        task.spec = Self.spec("box:1", "one").taskTemplate
        try await ManagerTests().withManager([ManagerTests().node("n1"), task]) { manager, _ in
            _ = try await manager.createService(Self.spec("box:1", "one"))
            try await Self.update(manager, Self.spec("box:2"))
            #expect(try Self.kept(manager) == ["one", "one"])
            let services =
                try manager.listServices(Filters(), withStatus: true)
                + [try manager.inspectService("web", insertDefaults: true)]
            #expect(services.count == 2)
            for service in services {
                #expect(service.spec.taskTemplate.registryAuth == nil)
                #expect(service.previousSpec != nil && service.previousSpec?.taskTemplate.registryAuth == nil)
            }
            let tasks = try manager.listTasks(Filters()) + [try manager.inspectTask("t1")]
            #expect(tasks.count == 2 && tasks.allSatisfy { $0.spec.registryAuth == nil })
        }
    }
}
