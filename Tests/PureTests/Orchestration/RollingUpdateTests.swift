import Model
import Orchestration
import Testing

@Suite struct RollingUpdateTests {
    private func running(replicas: UInt64?, _ change: (inout ServiceSpec) -> Void = { _ in }) -> SwarmSimulation {
        var swarm = SwarmSimulation()
        for id in ["n1", "n2", "n3"] { swarm.addNode(id) }
        swarm.addService("web", replicas: replicas, change: change)
        swarm.settle()
        return swarm
    }

    private func configuration(
        parallelism: UInt64 = 1, delay: Int64 = 0, action: String? = nil, ratio: Double = 0, order: String? = nil
    ) -> UpdateConfiguration {
        var configuration = UpdateConfiguration()
        configuration.parallelism = parallelism
        configuration.delay = delay
        configuration.failureAction = action
        configuration.maxFailureRatio = ratio
        configuration.order = order
        return configuration
    }

    private func image(_ swarm: SwarmSimulation) -> Set<String> {
        Set(swarm.running("web").compactMap(\.spec.containerSpec?.image))
    }

    @Test func `stop-first replaces one task at a time, start-first never has fewer than wanted`() {
        for order in ["stop-first", "start-first"] {
            var swarm = running(replicas: 3) { $0.updateConfig = self.configuration(order: order) }
            swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
            var least = 3
            var most = 0
            for _ in 0..<30 {
                swarm.plan()
                swarm.obey()
                let count = swarm.state.tasks.values.count { $0.status.state == .running }
                least = min(least, count)
                most = max(most, count)
                swarm.now = swarm.now.advanced(bySeconds: 1)
            }
            #expect(least == (order == "stop-first" ? 2 : 3))
            #expect(most == (order == "stop-first" ? 3 : 4))
            #expect(image(swarm) == ["nginx:2"] && swarm.running("web").count == 3)
            #expect(swarm.state.services["web"]?.updateStatus?.state == "completed")
            #expect(swarm.state.services["web"]?.updateStatus?.message == "update completed")
        }
    }

    @Test func `a delay of a fraction of a second is kept to the nanosecond`() throws {
        var swarm = running(replicas: 2) { $0.updateConfig = self.configuration(delay: 250_000_000) }
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        for _ in 0..<3 {
            swarm.plan()
            swarm.obey()
        }
        let replaced = swarm.running("web").filter { $0.spec.containerSpec?.image == "nginx:2" }
        #expect(replaced.count == 1)
        let planned = swarm.plan()
        let wake = try #require(planned)
        #expect(wake == replaced.first?.assignment?.runningSince?.advanced(byNanoseconds: 250_000_000))
        #expect(swarm.running("web").count == 2)
        swarm.now = wake
        swarm.plan()
        #expect(swarm.running("web").count == 1)
    }

    @Test func `an update is complete only when its last task has been watched`() throws {
        var swarm = running(replicas: 1)
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        for _ in 0..<3 {
            swarm.plan()
            swarm.obey()
        }
        let planned = swarm.plan()
        let wake = try #require(planned)
        #expect(wake.timeSince(swarm.now) == 5)
        #expect(swarm.state.services["web"]?.updateStatus?.state == "updating")
        swarm.now = wake
        swarm.plan()
        #expect(swarm.state.services["web"]?.updateStatus?.state == "completed")
    }

    @Test func `an update comes to its end by events and by the moments that it asks for, and needs no others`() {
        for (delay, monitor) in [(Int64(100_000_000), Int64(300_000_000)), (2_000_000_000, 1_000_000_000)] {
            for order in ["stop-first", "start-first"] {
                var swarm = running(replicas: 2) {
                    $0.updateConfig = self.configuration(delay: delay, order: order)
                    $0.updateConfig?.monitor = monitor
                }
                swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
                for _ in 0..<60 where swarm.state.services["web"]?.updateStatus?.state != "completed" {
                    let before = swarm.state
                    let wake = swarm.plan()
                    swarm.obey()
                    guard swarm.state == before else { continue }
                    guard let wake else { break }
                    swarm.now = max(swarm.now, wake)
                }
                let state = swarm.state.services["web"]?.updateStatus?.state
                #expect(state == "completed" && image(swarm) == ["nginx:2"], "\(order), delay \(delay)")
            }
        }
    }

    @Test func `a failing update pauses, goes on, or goes back, as it is told`() throws {
        for (action, state) in [
            (nil, "paused"), ("pause", "paused"), ("continue", "completed"), ("rollback", "rollback_completed"),
        ] {
            for order in ["stop-first", "start-first"] {
                var swarm = running(replicas: 3) {
                    $0.updateConfig = self.configuration(action: action, order: order)
                    $0.rollbackConfig = self.configuration(parallelism: 0, order: order)
                }
                swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "bad" }
                var random = SplitMix(state: 7)
                for _ in 0..<60 {
                    swarm.plan()
                    swarm.stagger(&random, chance: 1)
                    swarm.now = swarm.now.advanced(bySeconds: 1)
                }
                let status = swarm.state.services["web"]?.updateStatus
                let failed = try #require(swarm.state.tasks.values.first { $0.spec.containerSpec?.image == "bad" })
                let text = "\(action ?? "default") \(order)"
                if action == "continue", order == "start-first" {
                    // The old tasks are kept until one of the new runs, which none does.
                    #expect(status?.state == "updating" && image(swarm) == ["nginx"], "\(text)")
                } else {
                    #expect(status?.state == state, "\(text)")
                }
                switch action {
                case "rollback":
                    #expect(image(swarm) == ["nginx"] && swarm.running("web").count == 3, "\(text)")
                    #expect(swarm.state.services["web"]?.spec.taskTemplate.containerSpec?.image == "nginx")
                    #expect(swarm.state.services["web"]?.previousSpec == nil)
                case "continue": #expect(swarm.running("web").count == (order == "stop-first" ? 0 : 3), "\(text)")
                default:
                    #expect(
                        status?.message?.hasPrefix("update paused due to failure or early termination of task") == true)
                    #expect(swarm.running("web").count == (order == "stop-first" ? 2 : 3), "\(text)")
                    #expect(failed.serviceID == "web")
                }
            }
        }
    }

    /// Clients read a status five times a second: what goes by within one step of the planner they never see.
    @Test func `a rollback goes on until what takes the place of a failed task has been watched`() throws {
        var swarm = running(replicas: 2) {
            // The second place has not begun when the first fails, so there is nothing else to roll back.
            $0.updateConfig = self.configuration(delay: 2_000_000_000, action: "rollback")
            $0.rollbackConfig = self.configuration()
            $0.rollbackConfig?.monitor = 500_000_000
        }
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "bad" }
        var random = SplitMix(state: 7)
        var begun: Timestamp?
        var completed: Timestamp?
        for _ in 0..<40 where completed == nil {
            swarm.plan()
            let status = try #require(swarm.state.services["web"]?.updateStatus)
            if status.state == "rollback_started", begun == nil {
                begun = swarm.now
                #expect(status.message?.hasPrefix("update rolled back due to failure or early termination of") == true)
            }
            if status.state == "rollback_completed" { completed = swarm.now }
            swarm.stagger(&random, chance: 1)
            swarm.now = swarm.now.advanced(byNanoseconds: 100_000_000)
        }
        let (start, end) = (try #require(begun), try #require(completed))
        #expect(end.timeSince(start) >= 0.5)
        #expect(image(swarm) == ["nginx"] && swarm.running("web").count == 2)
    }

    @Test func `a rollback by hand goes on until places are filled in which nothing was left`() throws {
        var swarm = running(replicas: 2) {
            $0.updateConfig = self.configuration(delay: 2_000_000_000, action: "pause")
            $0.taskTemplate.restartPolicy = TaskRestartPolicy()
            $0.taskTemplate.restartPolicy?.condition = "none"
        }
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "bad" }
        var random = SplitMix(state: 7)
        for _ in 0..<6 {
            swarm.plan()
            swarm.stagger(&random, chance: 1)
            swarm.now = swarm.now.advanced(byNanoseconds: 100_000_000)
        }
        #expect(swarm.state.services["web"]?.updateStatus?.state == "paused" && swarm.running("web").count == 1)
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx" }
        var status = UpdateStatus()
        (status.state, status.startedAt) = ("rollback_started", swarm.now)
        swarm.state.services["web"]?.updateStatus = status
        swarm.plan()
        #expect(swarm.state.services["web"]?.updateStatus?.state == "rollback_started")
        for _ in 0..<4 {
            swarm.stagger(&random, chance: 1)
            swarm.now = swarm.now.advanced(bySeconds: 5)
            swarm.plan()
        }
        #expect(swarm.state.services["web"]?.updateStatus?.state == "rollback_completed")
        #expect(image(swarm) == ["nginx"] && swarm.running("web").count == 2)
    }

    @Test func `as many failures as the ratio allows do not stop an update`() {
        var swarm = running(replicas: 4) { $0.updateConfig = self.configuration(action: "pause", ratio: 0.5) }
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        var failures = 0
        for _ in 0..<60 {
            swarm.plan()
            swarm.obey()
            let now = swarm.now
            if failures < 2,
                let task = swarm.running("web").first(where: {
                    $0.spec.containerSpec?.image == "nginx:2" && $0.assignment?.isUpdate == true
                })
            {
                failures += 1
                swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
            }
            swarm.now = swarm.now.advanced(bySeconds: 1)
        }
        #expect(failures == 2)
        #expect(swarm.state.services["web"]?.updateStatus?.state == "completed")
        #expect(swarm.running("web").count == 4)
    }

    @Test func `a failure after the watch is over does not pause the update`() {
        var swarm = running(replicas: 2) { $0.updateConfig = self.configuration(delay: 60_000_000_000) }
        swarm.updateService("web") { $0.taskTemplate.containerSpec?.image = "nginx:2" }
        for _ in 0..<3 {
            swarm.plan()
            swarm.obey()
        }
        swarm.now = swarm.now.advanced(bySeconds: 20)
        let now = swarm.now
        for task in swarm.running("web") where task.spec.containerSpec?.image == "nginx:2" {
            swarm = swarm.update(task.id) { $0.status = TaskStatus(.failed, "failed", at: now) }
        }
        swarm.plan()
        #expect(swarm.state.services["web"]?.updateStatus?.state == "updating")
    }

    @Test func `another publication makes tasks outdated, another place only those that do not fit`() {
        var swarm = running(replicas: 3)
        let before = Set(swarm.running("web").map(\.id))
        swarm.updateService("web") {
            $0.taskTemplate.placement = Placement()
            $0.taskTemplate.placement?.constraints = ["node.hostname!=n3"]
        }
        swarm.settle(rounds: 20)
        let after = Set(swarm.running("web").map(\.id))
        #expect(after.count == 3 && after.intersection(before).count == 2)
        #expect(swarm.running("web").allSatisfy { $0.nodeID != "n3" })
        swarm.updateService("web") {
            var port = PortConfig()
            port.targetPort = 80
            port.publishedPort = 8080
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
        }
        // What was published when a task was made is on record from the moment that something is.
        swarm.settle(rounds: 20)
        swarm.updateService("web") { $0.endpointSpec?.ports?[0].publishedPort = 8081 }
        let published = Set(swarm.running("web").map(\.id))
        swarm.settle(rounds: 20)
        #expect(Set(swarm.running("web").map(\.id)).isDisjoint(with: published))
        #expect(swarm.running("web").allSatisfy { $0.assignment?.ports.first?.publishedPort == 8081 })
    }

    @Test func `C8: a single replica with a host port is updated twenty times on one node`() {
        var swarm = SwarmSimulation()
        swarm.addNode("n1")
        swarm.addService("web", replicas: 1) {
            var port = PortConfig()
            port.targetPort = 80
            port.publishedPort = 8080
            port.publishMode = "host"
            $0.endpointSpec = EndpointSpec()
            $0.endpointSpec?.ports = [port]
        }
        swarm.settle()
        var random = SplitMix(state: 3)
        for round in 1...20 {
            swarm.updateService("web") { $0.taskTemplate.forceUpdate = UInt64(round) }
            for _ in 0..<20 {
                swarm.plan()
                #expect(!swarm.state.tasks.values.contains { $0.status.err?.contains("host-mode port") == true })
                swarm.stagger(&random)
                swarm.now = swarm.now.advanced(bySeconds: 1)
            }
            #expect(swarm.running("web").map(\.spec.forceUpdate) == [UInt64(round)])
        }
    }

    @Test func `start-first gives a host port up where only the old task's node has it, and nowhere else`() {
        for (nodes, replicas) in [(1, UInt64?.some(1)), (2, nil), (2, 2), (2, 1)] {
            var swarm = SwarmSimulation()
            for number in 1...nodes { swarm.addNode("n\(number)") }
            swarm.addService("web", replicas: replicas) {
                var port = PortConfig()
                port.targetPort = 80
                port.publishedPort = 8080
                port.publishMode = "host"
                $0.endpointSpec = EndpointSpec()
                $0.endpointSpec?.ports = [port]
                $0.updateConfig = self.configuration(order: "start-first")
            }
            swarm.settle(rounds: 20)
            let count = Int(replicas ?? UInt64(nodes))
            #expect(swarm.running("web").count == count)
            for round in 1...5 {
                swarm.updateService("web") { $0.taskTemplate.forceUpdate = UInt64(round) }
                for _ in 0..<40 {
                    swarm.plan()
                    swarm.obey()
                    // Never two of one port on a node.
                    let holding = swarm.state.tasks.values.filter { $0.status.state == .running }.compactMap(\.nodeID)
                    #expect(Set(holding).count == holding.count)
                    // Where another node is free, there is never less than was wanted.
                    if nodes > count { #expect(holding.count >= count) }
                    swarm.now = swarm.now.advanced(bySeconds: 1)
                }
                #expect(swarm.running("web").map(\.spec.forceUpdate) == Array(repeating: UInt64(round), count: count))
                #expect(swarm.state.services["web"]?.updateStatus?.state == "completed")
            }
        }
    }

    @Test func `random updates under random trouble always end with what was wanted last`() {
        for seed in UInt64(1)...40 {
            var random = SplitMix(state: seed)
            var swarm = running(replicas: seed % 5 == 0 ? nil : 3)
            for step in 0..<80 {
                switch Int.random(in: 0..<14, using: &random) {
                case 0:
                    let parallelism = UInt64.random(in: 0...2, using: &random)
                    let order = ["stop-first", "start-first"].randomElement(using: &random)
                    let action = ["pause", "continue", "rollback"].randomElement(using: &random)
                    let image = ["a", "b", "bad"].randomElement(using: &random) ?? "a"
                    let delay = Int64.random(in: 0...1, using: &random) * 1_500_000_000
                    swarm.updateService("web") {
                        $0.taskTemplate.containerSpec?.image = image
                        $0.updateConfig = self.configuration(
                            parallelism: parallelism, delay: delay, action: action, order: order)
                    }
                case 1:
                    let node = ["n1", "n2", "n3"].randomElement(using: &random) ?? "n1"
                    swarm.state.nodes[node]?.status.state = Bool.random(using: &random) ? .down : .ready
                case 2:
                    let node = ["n1", "n2", "n3"].randomElement(using: &random) ?? "n1"
                    let all: [NodeAvailability] = [.active, .pause, .drain]
                    swarm.state.nodes[node]?.spec.availability = all.randomElement(using: &random) ?? .active
                case 3:
                    let live = swarm.running("web").map(\.id).sorted()
                    let now = swarm.now
                    if let id = live.randomElement(using: &random) {
                        swarm = swarm.update(id) { $0.status = TaskStatus(.failed, "failed", at: now) }
                    }
                default:
                    swarm.plan()
                    swarm.stagger(&random)
                }
                swarm.now = swarm.now.advanced(byNanoseconds: Int64.random(in: 0...3_000_000_000, using: &random))
                let places = Dictionary(grouping: swarm.state.tasks.values.filter { $0.isWanted && $0.isLive }) {
                    "\($0.slot.map(String.init) ?? $0.nodeID ?? "")"
                }
                #expect(places.values.allSatisfy { $0.count <= 2 }, "seed \(seed) step \(step)")
            }
            for id in ["n1", "n2", "n3"] {
                swarm.state.nodes[id]?.status.state = .ready
                swarm.state.nodes[id]?.spec.availability = .active
            }
            // A global service has none while all nodes are down: there is nothing to update then, and what comes is new.
            let isOutdated = swarm.state.tasks.values.contains { $0.isWanted && $0.isLive }
            swarm.updateService("web") {
                $0.taskTemplate.containerSpec?.image = "last"
                $0.updateConfig = nil
            }
            for _ in 0..<120 {
                swarm.plan()
                swarm.stagger(&random)
                swarm.now = swarm.now.advanced(bySeconds: 2)
            }
            #expect(image(swarm) == ["last"] && swarm.running("web").count == 3, "seed \(seed)")
            let state = swarm.state.services["web"]?.updateStatus?.state
            #expect(
                state == "completed" || state == nil && !isOutdated, "seed \(seed): \(state ?? "none"), \(isOutdated)")
        }
    }
}
