import EngineInterface
import Foundation
import Images
import Model
import Testing

@testable import Engine

/// Images that a node pulls for the swarm's tasks.
@Suite(.timeLimit(.minutes(2))) struct TaskPullTests {
    private static func task(_ id: String, _ image: String, _ header: String?) -> SwarmTask {
        var task = SwarmTask(id: id)
        (task.serviceID, task.nodeID, task.slot) = ("s", "n", 1)
        task.spec.containerSpec = ContainerSpec()
        task.spec.containerSpec?.image = image
        task.spec.containerSpec?.command = ["true"]
        task.spec.registryAuth = header
        return task
    }

    private static func header(_ password: String) -> String {
        Data(#"{"username":"user","password":"\#(password)"}"#.utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }

    @Test func `a task's image is pulled with the credentials that its service has`() async throws {
        try await RegistryFixture.with(password: true) { registry in
            let name = "\(registry.address)/p:1"
            try await ImageFixture.with { images in
                let layer = ImageFixture.layer("one", "1")
                _ = try await images.load(try ImageFixture.saved([layer], tags: [name]))
                try await images.store.push(
                    name, tag: nil, login: RegistryLogin(username: "user", password: "secret"), progress: { _ in },
                    pushed: { _ in })
            }
            try await EngineFixture.run { fixture in
                let tasks = fixture.engine.tasks
                for (id, header) in [("none", nil), ("wrong", Self.header("guess")), ("unread", "???")] {
                    await #expect(throws: ImageError.self, "\(id)") {
                        try await tasks.prepareTask(Self.task(id, name, header))
                    }
                }
                let secret = Self.header("secret")
                let id = try await tasks.prepareTask(Self.task("right", name, secret))
                // What the node keeps of the container has nothing of it.
                #expect(try !"\(fixture.record(id))".contains(secret))
                // It is here now: nobody is asked for it.
                _ = try await tasks.prepareTask(Self.task("later", name, nil))
            }
        }
    }
}
