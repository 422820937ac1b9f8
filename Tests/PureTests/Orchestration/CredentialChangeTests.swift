import Model
import Orchestration
import Testing

/// What becomes of a service's tasks when its nodes are to pull with other credentials.
@Suite struct CredentialChangeTests {
    private static func swarm() -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2"] { swarm.addNode(id) }
        swarm.addService("web", replicas: 2) { $0.taskTemplate.registryAuth = "one" }
        return swarm
    }

    @Test func `tasks that have their image run on, and those that are made later have the new ones`() throws {
        var swarm = Self.swarm()
        swarm.settle()
        let before = Set(swarm.running("web").map(\.id))
        #expect(before.count == 2 && swarm.running("web").allSatisfy { $0.spec.registryAuth == "one" })
        swarm.updateService("web") { $0.taskTemplate.registryAuth = "two" }
        swarm.settle()
        #expect(Set(swarm.running("web").map(\.id)) == before)
        swarm.updateService("web") { $0.mode.replicated = .init(replicas: 3) }
        swarm.settle()
        let added = swarm.running("web").filter { !before.contains($0.id) }
        #expect(added.map(\.spec.registryAuth) == ["two"])
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        swarm.settle(rounds: 36)
        #expect(swarm.running("web").map(\.spec.registryAuth) == ["two", "two", "two"])
    }

    @Test func `a task that ends by itself later begins no update`() throws {
        var swarm = Self.swarm()
        swarm.settle()
        swarm.updateService("web") { $0.taskTemplate.registryAuth = "two" }
        swarm.settle()
        let (task, now) = (try #require(swarm.running("web").first), swarm.now)
        swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
        swarm.settle()
        #expect(swarm.state.services["web"]?.updateStatus == nil)
        #expect(swarm.running("web").compactMap(\.spec.registryAuth).sorted() == ["one", "two"])
    }

    @Test func `what is to run once does not run again`() throws {
        var swarm = SwarmSimulation()
        swarm.addNode("n1")
        swarm.addService("once", replicas: 1) {
            $0.taskTemplate.registryAuth = "one"
            var policy = TaskRestartPolicy()
            policy.condition = "none"
            $0.taskTemplate.restartPolicy = policy
        }
        swarm.settle()
        swarm.updateService("once") { $0.taskTemplate.registryAuth = "two" }
        swarm.settle()
        let (task, now) = (try #require(swarm.running("once").first), swarm.now)
        swarm = swarm.update(task.id) { $0.status = TaskStatus(.complete, "finished", at: now) }
        swarm.settle()
        #expect(swarm.state.tasks.values.map(\.id) == [task.id])
        #expect(swarm.state.services["once"]?.updateStatus == nil)
    }

    @Test func `a task that waits for its image is made anew`() throws {
        var service = Service(id: "web")
        service.spec.taskTemplate.containerSpec = ContainerSpec()
        service.spec.taskTemplate.registryAuth = "two"
        var task = SwarmTask(id: "t")
        task.serviceID = "web"
        task.spec = service.spec.taskTemplate
        task.spec.registryAuth = "one"
        let rows: [(TaskState, TaskState, Bool)] = [
            (.pending, .running, false), (.assigned, .running, false), (.preparing, .running, false),
            (.ready, .running, true), (.ready, .ready, true), (.running, .running, true),
            (.running, .shutdown, false), (.rejected, .running, false), (.failed, .running, true),
            (.failed, .shutdown, true), (.complete, .running, true), (.complete, .shutdown, true),
        ]
        for (state, desired, isUpToDate) in rows {
            task.status.state = state
            task.desiredState = desired
            #expect(service.isUpToDate(task, on: nil) == isUpToDate, "\(state), wanted \(desired)")
        }
        task.status.state = .running
        task.desiredState = .running
        task.spec.containerSpec?.image = "other"
        #expect(!service.isUpToDate(task, on: nil))
    }
}
