import EngineInterface
import Model
import Orchestration
import Testing

@testable import Cluster

/// How the container of a task is found among the swarm's by what users call it.
@Suite struct TaskContainerFinderTests {
    private func task(
        _ id: String, slot: Int?, container: String?, _ state: TaskState = .running, made: Int64 = 0,
        node: String = "n1", service: String = "s1"
    ) -> SwarmTask {
        var task = SwarmTask(id: id)
        task.serviceID = service
        task.slot = slot
        task.nodeID = node
        task.createdAt = Timestamp(seconds: made)
        task.status.state = state
        task.spec.containerSpec = ContainerSpec()
        task.assignment = .init()
        task.assignment?.serviceName = "web"
        if let container {
            var status = TaskStatus.ContainerStatus()
            status.containerID = container
            task.status.containerStatus = status
        }
        return task
    }

    private func finder(_ tasks: [SwarmTask]) -> TaskContainerFinder {
        var state = SwarmState()
        var service = Service(id: "s1")
        service.spec.name = "web"
        state.services["s1"] = service
        for task in tasks { state.tasks[task.id] = task }
        return TaskContainerFinder(objects: state)
    }

    @Test func `beginnings that several have are refused, of either kind of ids`() throws {
        let finder = finder([
            task("abc1", slot: 1, container: "11ff"), task("abc2", slot: 2, container: "12ff"),
            task("12gg", slot: 3, container: "99"),
        ])
        #expect(try finder.find("abc1")?.containerID == "11ff")
        #expect(try finder.find("11")?.taskID == "abc1")
        #expect(try finder.find("12f")?.taskID == "abc2" && finder.find("12g")?.taskID == "12gg")
        for beginning in ["abc", "a", "1", "12"] {
            #expect(throws: ContainerError.ambiguousReference(beginning)) { try finder.find(beginning) }
        }
        for nothing in ["", "/", ".", "web", "web.", "web.4", "x.1", "zz", "web.1.zz", "%", "abc1 "] {
            #expect(try finder.find(nothing) == nil, "\(nothing)")
        }
    }

    @Test func `a place's name means what runs there, or else the last that did`() throws {
        let old = task("t1", slot: 1, container: "c1", .failed, made: 1)
        let new = task("t2", slot: 1, container: "c2", .running, made: 2)
        let next = task("t3", slot: 1, container: "c3", .starting, made: 3)
        let none = task("t4", slot: 1, container: nil, .preparing, made: 4)
        #expect(try finder([old, new, next, none]).find("web.1")?.taskID == "t2")
        #expect(try finder([old, next, none]).find("web.1")?.taskID == "t3")
        #expect(try finder([old, task("t0", slot: 1, container: "c0", .failed)]).find("web.1")?.taskID == "t1")
        #expect(try finder([none]).find("web.1") == nil)
        #expect(try finder([old, new]).find("/web.1.t1")?.taskID == "t1")
        #expect(throws: ContainerError.ambiguousReference("web.1.t")) { try finder([old, new]).find("web.1.t") }
        // Its service is gone.
        #expect(try finder([task("t9", slot: 2, container: "c9", service: "s9")]).find("web.2.t9")?.taskID == "t9")
    }

    @Test func `a global service's place is its node, and places on networks are no containers of tasks`() throws {
        var attachment = task("t2", slot: nil, container: "cc")
        attachment.spec.networkAttachmentSpec = NetworkAttachmentSpec(containerID: "cc", containerName: "x")
        let finder = finder([task("t1", slot: nil, container: "c1", node: "n7"), attachment])
        #expect(try finder.find("web.n7")?.taskID == "t1" && finder.find("web.n7.t1")?.taskID == "t1")
        #expect(try finder.find("t2") == nil && finder.find("cc") == nil)
    }
}
