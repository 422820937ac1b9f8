import Foundation
import Model
import Orchestration
import StateStore
import Synchronization
import Testing

/// A swarm in memory: the real planner, and nodes that do what they are told, at once or not at all.
struct SwarmSimulation {
    var state = SwarmState()
    var now = Timestamp(seconds: 1_800_000_000)
    var planner: SwarmPlanner
    private var revision: UInt64 = 10

    init() {
        let counter = Counter()
        planner = SwarmPlanner(makeID: { "task\(String(format: "%06d", counter.next()))" })
        state.cluster = ClusterObject(id: "c")
        let ingress = NetworkAllocator(state: state).ingress(id: "ingress", at: now)
        state.networks["ingress"] = ingress
    }

    mutating func addNode(_ id: String) {
        var node = Node(id: id)
        var description = NodeDescription()
        description.hostname = id
        description.resources.nanoCPUs = 4_000_000_000
        description.resources.memoryBytes = 8 << 30
        node.description = description
        node.status.state = .ready
        state.nodes[id] = node
    }

    mutating func addService(_ id: String, replicas: UInt64?, change: (inout ServiceSpec) -> Void = { _ in }) {
        var service = Service(id: id)
        service.spec.name = id
        if let replicas {
            service.spec.mode.replicated = .init(replicas: replicas)
        } else {
            service.spec.mode.global = Empty()
        }
        var container = ContainerSpec()
        container.image = "nginx"
        service.spec.taskTemplate.containerSpec = container
        change(&service.spec)
        state.services[id] = service
    }

    /// Plans once and takes the plan for the new state.
    @discardableResult
    mutating func plan() -> Timestamp? {
        var draft = SwarmDraft(state, now: now)
        planner.plan(&draft)
        state = draft.state
        revision += 1
        return draft.wakeAt
    }

    /// What agents do: run what is to run, stop what is not.
    mutating func obey(except silent: Set<String> = []) {
        for var task in state.tasks.values {
            guard let node = task.nodeID, !silent.contains(node), task.isLive, task.status.state >= .assigned else {
                continue
            }
            if task.desiredState > .complete {
                task.status = TaskStatus(.shutdown, "shutdown", at: now)
            } else if task.desiredState == .running {
                if task.status.state != .running {
                    task.status = TaskStatus(.running, "started", at: now)
                    task.assignment?.runningSince = now
                }
            } else if task.desiredState == .complete {
                task.status = TaskStatus(.complete, "finished", at: now)
            } else {
                task.status = TaskStatus(.ready, "prepared", at: now)
            }
            state.tasks[task.id] = task
        }
    }

    /// One step of each agent, taken or not; tasks of an image named `bad` fail when they start.
    mutating func stagger(_ random: inout SplitMix, chance: Int = 2) {
        for var task in state.tasks.values.sorted(by: { $0.id < $1.id }) {
            guard task.nodeID != nil, task.isLive, task.status.state >= .assigned,
                Int.random(in: 0..<chance, using: &random) == 0
            else { continue }
            if task.desiredState > .complete {
                task.status = TaskStatus(.shutdown, "shutdown", at: now)
            } else if task.status.state < .ready {
                task.status = TaskStatus(.ready, "prepared", at: now)
            } else if task.desiredState >= .running, task.status.state < .running {
                if task.spec.containerSpec?.image == "bad" {
                    task.status = TaskStatus(.failed, "starting", at: now, error: "bad")
                } else {
                    task.status = TaskStatus(.running, "started", at: now)
                    task.assignment?.runningSince = now
                }
            }
            state.tasks[task.id] = task
        }
    }

    /// What the API does with an update.
    mutating func updateService(_ id: String, _ change: (inout ServiceSpec) -> Void) {
        guard var service = state.services[id] else { return }
        service.previousSpec = service.spec
        service.updateStatus = nil
        service.rollout = nil
        change(&service.spec)
        if service.spec.isJob {
            service.jobStatus = JobStatus(
                jobIteration: ObjectVersion(index: (service.jobStatus?.jobIteration.index ?? 0) + 1), lastExecution: now
            )
        }
        state.services[id] = service
    }

    mutating func settle(rounds: Int = 12, except silent: Set<String> = []) {
        for _ in 0..<rounds {
            plan()
            obey(except: silent)
            now = now.advanced(bySeconds: 6)
        }
        plan()
    }

    func running(_ service: String) -> [SwarmTask] {
        state.tasks.values.filter { $0.serviceID == service && $0.status.state == .running && $0.isWanted }
    }

    func update(_ id: String, _ change: (inout SwarmTask) -> Void) -> SwarmSimulation {
        var copy = self
        if var task = copy.state.tasks[id] {
            change(&task)
            copy.state.tasks[id] = task
        }
        return copy
    }
}

final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
        value.withLock {
            $0 += 1; return $0
        }
    }
}
