import Foundation
import Model
import StateStore
import TestKit
import Testing

@testable import Orchestration

/// What planning one change costs in a large swarm. It prints figures and compares nothing: `APUS_PLAN_COST=1` asks for it.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["APUS_PLAN_COST"] != nil)) struct PlanCostTests {
    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let took = try ContinuousClock().measure(body)
        return took / .seconds(1)
    }

    @Test func `one change among 30,000 tasks, 1,000 services, 100 networks and 1,000 nodes`() throws {
        var swarm = SwarmSimulation()
        let (services, replicas) = (SimulationSize.of("SERVICES", 1000), 30)
        for number in 0..<services { swarm.addNode("node\(String(format: "%05d", number))") }
        for number in 0..<max(1, services / 10) {
            var request = NetworkRequest()
            request.name = "net\(number)"
            // Every tenth of the services has room with its tasks, and with those that have ended, many times over.
            let pool = AddressPool(subnet: "10.\(number / 16 + 1).\(number % 16 * 16).0/20")
            request.ipam = AddressManagement(driver: "default", config: [pool])
            swarm.state.networks[request.name] = try NetworkAllocator(state: swarm.state).allocate(
                request, id: request.name, at: swarm.now)
        }
        for number in 0..<services {
            swarm.addService("service\(String(format: "%05d", number))", replicas: UInt64(replicas)) { spec in
                var config = NetworkAttachmentConfig()
                config.target = "net\(number % max(1, services / 10))"
                spec.taskTemplate.networks = [config]
            }
        }
        print("from nothing: \(Self.seconds { swarm.plan() }) s for \(swarm.state.tasks.count) tasks")
        swarm.obey()
        print("everything once more: \(Self.seconds { swarm.plan() }) s")
        var planner = swarm.planner
        var seen = swarm.state
        var (plan, take) = (0.0, 0.0)
        var (places, nodes) = (0, 0)
        let ids = seen.tasks.keys.sorted()
        let rounds = 200
        for number in 0..<rounds {
            var task = try #require(seen.tasks[ids[number * 97 % ids.count]])
            if number % 2 == 0 {
                task.status = TaskStatus(.failed, "", at: swarm.now, error: "exit 1")
            } else {
                task.status.message = "healthy"
            }
            let value = StoredValue(
                key: StoreKey(.tasks, id: task.id), value: Array(try WireJSON.encode(record: task)), createRevision: 1,
                modifyRevision: Int64(1000 + number))
            var next = seen
            var changes = SwarmChanges()
            take += Self.seconds { changes = next.take(.events([.put(value)])) }
            plan += Self.seconds {
                var draft = SwarmDraft(next, now: swarm.now)
                planner.plan(&draft, changes: changes)
                next = draft.state
                (places, nodes) = (places + draft.looks.places, nodes + draft.looks.nodes)
            }
            seen = next
        }
        print("one change: taken in \(take / Double(rounds) * 1000) ms, planned in \(plan / Double(rounds) * 1000) ms")
        print("looked at for 100 changes: \(places * 100 / rounds) places, \(nodes * 100 / rounds) nodes")
        let all = Self.seconds { _ = seen.tasks.shared.filter { $0.value.status.state == .running }.count }
        let lists = Self.seconds {
            for id in seen.services.keys {
                _ = seen.sharedTasks(ofService: id).count { $0.value.status.state == .running }
            }
        }
        let statuses = Self.seconds { _ = StateOracle.told(seen) }
        print("all tasks looked at: \(all * 1000) ms; by service: \(lists * 1000) ms")
        print("what lists tell of all services: \(statuses * 1000) ms")
    }
}
