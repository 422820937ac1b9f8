import Model
import Orchestration
import Testing

@Suite struct JobTests {
    private func swarm(_ change: (inout ServiceSpec) -> Void) -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2", "n3"] { swarm.addNode(id) }
        swarm.addService("job", replicas: 1) {
            $0.mode = ServiceMode()
            change(&$0)
        }
        swarm.state.services["job"]?.jobStatus = JobStatus(jobIteration: ObjectVersion(), lastExecution: swarm.now)
        return swarm
    }

    private func completed(_ swarm: SwarmSimulation) -> [SwarmTask] {
        swarm.state.tasks.values.filter {
            $0.status.state == .complete && $0.jobIteration == swarm.state.services["job"]?.jobStatus?.jobIteration
        }
    }

    @Test func `as many tasks complete as asked, never more at once than allowed, and again after an update`() {
        var swarm = swarm { $0.mode.replicatedJob = .init(maxConcurrent: 2, totalCompletions: 5) }
        for iteration in 0..<2 {
            for _ in 0..<8 {
                swarm.plan()
                let live = swarm.state.tasks.values.count { $0.isLive && $0.isWanted }
                #expect(live <= 2)
                swarm.obey()
            }
            swarm.plan()
            #expect(completed(swarm).compactMap(\.slot).sorted() == [0, 1, 2, 3, 4], "iteration \(iteration)")
            #expect(completed(swarm).allSatisfy { $0.desiredState == .complete })
            swarm.updateService("job") { $0.taskTemplate.forceUpdate += 1 }
        }
    }

    @Test func `a failed task of a job is tried again, by the restart policy`() {
        for (attempts, isDone) in [(UInt64(0), true), (1, false)] {
            var swarm = swarm {
                $0.mode.replicatedJob = .init(maxConcurrent: 1, totalCompletions: 1)
                $0.taskTemplate.restartPolicy = TaskRestartPolicy()
                $0.taskTemplate.restartPolicy?.maxAttempts = attempts
            }
            var failures = 0
            for _ in 0..<20 {
                swarm.plan()
                let now = swarm.now
                for task in swarm.state.tasks.values where task.isLive && task.desiredState == .complete && failures < 2
                {
                    failures += 1
                    swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
                }
                swarm.obey()
                swarm.now = swarm.now.advanced(bySeconds: 3)
            }
            #expect(failures == 2)
            #expect(completed(swarm).count == (isDone ? 1 : 0))
            #expect(swarm.state.tasks.values.filter(\.isLive).isEmpty)
        }
    }

    @Test func `a global job completes once on each node, later ones included`() {
        var swarm = swarm { $0.mode.globalJob = Empty() }
        swarm.settle(rounds: 4)
        #expect(Set(completed(swarm).compactMap(\.nodeID)) == ["n1", "n2", "n3"])
        swarm.addNode("n4")
        swarm.settle(rounds: 4)
        #expect(Set(completed(swarm).compactMap(\.nodeID)) == ["n1", "n2", "n3", "n4"])
        #expect(completed(swarm).count == 4)
    }

    @Test func `a node that was down does what it lacks of a global job, and nothing twice`() {
        var swarm = swarm { $0.mode.globalJob = Empty() }
        // One is silent before it has done its part, and is given up; one has done its own before it is.
        swarm.settle(rounds: 4, except: ["n2"])
        #expect(Set(completed(swarm).compactMap(\.nodeID)) == ["n1", "n3"])
        for id in ["n1", "n2"] { swarm.state.nodes[id]?.status.state = .down }
        swarm.settle(rounds: 4, except: ["n1", "n2"])
        // None waits for them.
        #expect(swarm.state.tasks.values.filter { $0.isLive && $0.isWanted }.isEmpty)
        for id in ["n1", "n2"] { swarm.state.nodes[id]?.status.state = .ready }
        swarm.settle(rounds: 6)
        #expect(completed(swarm).compactMap(\.nodeID).sorted() == ["n1", "n2", "n3"])
    }
}
