import LinuxSystem
import Model
import Orchestration
import Testing

@testable import Cluster

/// What a manager keeps of what it has told a node.
@Suite struct TaskTellerTests {
    private static func task(_ id: String) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.serviceID = "service"
        task.nodeID = "node"
        task.status.state = .assigned
        task.spec.containerSpec = ContainerSpec()
        task.spec.containerSpec?.image = "image"
        task.networksAttachments = [NetworkAttachment(network: SwarmNetwork(id: "network"), addresses: [])]
        return task
    }

    private static func told(_ id: String, _ objects: SwarmState) -> ToldTask? {
        objects.tasks.shared(id).map { ToldTask($0) }
    }

    /// What a node reports becomes a new object; whoever kept the former one would have each task twice.
    @Test func `an object of which only a report differs from the one told takes its place`() throws {
        var objects = SwarmState()
        objects.tasks["a"] = Self.task("a")
        weak let first = objects.tasks.shared("a")
        var teller = TaskTeller()
        _ = teller.note("a", Self.told("a", objects))
        let change = teller.take { Self.told($0, objects) }
        #expect(change?.tasks.map(\.id) == ["a"])
        objects.tasks["a"]?.status = TaskStatus(.running, "started", at: Timestamp(seconds: 1))
        objects.tasks["a"]?.assignment = .init()
        objects.tasks["a"]?.assignment?.runningSince = Timestamp(seconds: 1)
        let isNews = teller.note("a", Self.told("a", objects))
        #expect(isNews, "an assignment where there was none")
        _ = teller.take { Self.told($0, objects) }
        objects.tasks["a"]?.assignment?.runningSince = Timestamp(seconds: 2)
        objects.tasks["a"]?.status = TaskStatus(.running, "healthy", at: Timestamp(seconds: 2))
        weak let second = objects.tasks.shared("a")
        let isMore = teller.note("a", Self.told("a", objects))
        #expect(!isMore)
        #expect(first == nil && second != nil)
        objects.tasks["a"] = nil
        #expect(second != nil, "it is what the node was told")
        let isGone = teller.note("a", nil)
        #expect(isGone)
        let removal = teller.take { _ in nil }
        #expect(removal?.removed == ["a"])
        #expect(second == nil)
    }

    @Test func `a task that goes on although it is to stop is told to stop in the end`() throws {
        var objects = SwarmState()
        objects.tasks["a"] = Self.task("a")
        objects.tasks["a"]?.desiredState = .shutdown
        let object = try #require(objects.tasks.shared("a"))
        var teller = TaskTeller()
        _ = teller.note("a", ToldTask(object, desiredState: .running))
        let first = teller.take { _ in ToldTask(object, desiredState: .running) }
        #expect(first?.tasks.map(\.desiredState) == [.running])
        let isSame = teller.note("a", ToldTask(object, desiredState: .running))
        #expect(!isSame)
        let isNews = teller.note("a", ToldTask(object))
        #expect(isNews)
        let last = teller.take { _ in ToldTask(object) }
        #expect(last?.tasks.map(\.desiredState) == [.shutdown])
    }

    @Test func `what a node was told takes little beside the objects`() {
        var objects = SwarmState()
        let ids = (0..<20_000).map { "task\(String($0 + 100_000))abcdefghijklmno" }
        for id in ids { objects.tasks[id] = Self.task(id) }
        var teller = TaskTeller()
        let before = Memory.allocatedBytes
        for id in ids { _ = teller.note(id, Self.told(id, objects)) }
        _ = teller.take { Self.told($0, objects) }
        let each = (Memory.allocatedBytes - before) / ids.count
        #expect(each < 256)
        #expect(!teller.hasNews)
    }
}
