import EngineInterface
import Model
import Orchestration
import TestKit
import Testing

@testable import Cluster

/// What one pass over services and nodes finds is what each metric says when it is computed by itself from copies of all tasks.
@Suite struct AlertSamplesTests {
    private let now = Timestamp(seconds: 1_000_000)

    @Test(arguments: UInt64(1)...20) func `values are those of a plain computation`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (state, board) = made(&random)
        for _ in 0..<10 {
            // The numbers that are kept with tasks are told of each change.
            change(&state, &random)
            board.take(pulse(&random, state, "n1"), of: "n1", now: now.seconds, service: { _ in "s1" })
            let samples = AlertSamples(state: state, board: board, present: [], now: now)
            let found = samples.values(ofAll: Set(AlertMetric.allCases))
            for metric in AlertMetric.allCases {
                #expect(found[metric, default: []] == samples.values(of: metric), "\(metric)")
            }
            for service in state.services.keys {
                let troubled = state.tasks(ofService: service).filter {
                    $0.status.err != nil || ($0.assignment?.attempt ?? 0) > 0
                }
                let found = state.sharedTroubles(ofService: service).map(\.value.id)
                #expect(found.sorted() == troubled.map(\.id).sorted(), "no other task is gone through for its end")
            }
            for metric in AlertMetric.allCases where metric.rawValue.hasPrefix("service_") {
                var expected: [String: Double] = [:]
                for service in state.services.values where service.pendingDelete != true {
                    expected[service.id] = plain(metric, service, state, board)
                }
                let own = found[metric, default: []]
                #expect(own.allSatisfy { $0.labels["service_name"] == "name-\($0.labels["service"] ?? "")" })
                #expect(
                    Dictionary(own.map { ($0.labels["service"] ?? "", $0.value) }) { first, _ in first } == expected,
                    "\(metric)")
            }
        }
    }

    @Test func `nothing is computed of what no rule compares`() {
        var random = SeededGenerator(seed: 1)
        let (state, board) = made(&random)
        let samples = AlertSamples(state: state, board: board, present: [], now: now)
        #expect(samples.values(ofAll: []).isEmpty)
        #expect(Set(samples.values(ofAll: [.nodeDown, .serviceFailures]).keys) == [.nodeDown, .serviceFailures])
    }

    // MARK: States

    private func made(_ random: inout SeededGenerator) -> (state: SwarmState, board: PulseBoard) {
        var state = SwarmState()
        for index in 0..<6 {
            var service = Service(id: "s\(index)")
            service.spec.name = "name-s\(index)"
            switch index {
            case 1, 2: service.spec.mode.replicated = .init(replicas: UInt64.random(in: 0...8, using: &random))
            case 3: service.spec.mode.global = .init()
            case 4: service.spec.mode.replicatedJob = .init(maxConcurrent: 2)
            case 5: service.pendingDelete = true
            default: break
            }
            state.services[service.id] = service
        }
        for id in ["n1", "n2", "n3"] {
            var node = Node(id: id)
            node.status.state = Bool.random(using: &random) ? .ready : .down
            state.nodes[id] = node
        }
        for _ in 0..<40 { change(&state, &random) }
        var board = PulseBoard()
        for id in ["n1", "n2"] {
            board.take(pulse(&random, state, id), of: id, now: now.seconds, service: { _ in "s1" })
        }
        return (state, board)
    }

    /// A task comes, changes or goes.
    private func change(_ state: inout SwarmState, _ random: inout SeededGenerator) {
        let id = "t\(Int.random(in: 0..<60, using: &random))"
        if state.tasks[id] != nil, Int.random(in: 0..<4, using: &random) == 0 {
            state.tasks[id] = nil
            return
        }
        var task = state.tasks[id] ?? SwarmTask(id: id)
        if task.serviceID.isEmpty { task.serviceID = "s\(Int.random(in: 0..<6, using: &random))" }
        task.slot = Int.random(in: 1...3, using: &random)
        task.nodeID = [nil, "n1", "n2", "n3"].randomElement(using: &random) ?? nil
        // Tasks of jobs alone are to complete.
        let desired: [TaskState] =
            task.serviceID == "s4" ? [.complete, .shutdown] : [.ready, .running, .shutdown, .remove]
        task.desiredState = desired.randomElement(using: &random) ?? .running
        task.createdAt = now.advanced(bySeconds: -Int64.random(in: 0...1200, using: &random))
        if Bool.random(using: &random) {
            task.assignment = .init()
            task.assignment?.attempt = Int.random(in: 0...2, using: &random)
        }
        let reasons = [nil, "x", "task: non-zero exit (137): OOM killed", "dockerexec: unhealthy container"]
        task.status = TaskStatus(
            TaskState.allCases.randomElement(using: &random) ?? .new, "",
            at: now.advanced(bySeconds: -Int64.random(in: 0...1200, using: &random)),
            error: reasons.randomElement(using: &random) ?? nil)
        state.tasks[id] = task
    }

    private func pulse(_ random: inout SeededGenerator, _ state: SwarmState, _ node: String) -> NodePulse {
        var tasks: [String: [UInt64]] = [:]
        for id in state.tasks.keys.sorted() where Bool.random(using: &random) {
            tasks[id] = TaskPulseSeries.allCases.map { _ in UInt64.random(in: 0...1000, using: &random) }
        }
        return NodePulse(
            time: now.seconds - Int64.random(in: 0...90, using: &random),
            node: NodePulseSeries.allCases.map { _ in UInt64.random(in: 0...1000, using: &random) }, tasks: tasks)
    }

    // MARK: By itself

    /// A service's value, from copies of its tasks.
    private func plain(
        _ metric: AlertMetric, _ service: Service, _ state: SwarmState, _ board: PulseBoard
    ) -> Double? {
        switch metric {
        case .serviceTasksMissing:
            if service.spec.isJob { return 0 }
            let tasks = state.tasks(ofService: service.id).filter { $0.desiredState <= .running }
            let wanted = service.spec.isGlobal ? tasks.count : service.spec.replicas
            return Double(max(0, wanted - tasks.count { $0.status.state == .running }))
        case .serviceFailures:
            return count(service, state) { $0.status.state == .failed || $0.status.state == .rejected }
        case .serviceOutOfMemoryKills:
            return count(service, state) { $0.status.err?.hasSuffix("OOM killed") == true }
        case .serviceUnhealthyFailures:
            return count(service, state) { $0.status.err?.hasSuffix("unhealthy container") == true }
        case .serviceRestarts:
            let restarted = state.tasks(ofService: service.id).count {
                ($0.assignment?.attempt ?? 0) > 0 && now.timeSince($0.createdAt) < 600
            }
            return Double(restarted)
        case .serviceCPUCores: return sum(told(service, state, board).compactMap { $0.cores })
        case .serviceMemoryUsedBytes:
            return sum(told(service, state, board).map { value($0, .memoryWorkingSetBytes) })
        case .serviceMemoryUsedRatio:
            let limited = told(service, state, board).filter { value($0, .memoryLimitBytes) > 0 }
            return limited.map { value($0, .memoryWorkingSetBytes) / value($0, .memoryLimitBytes) }.max()
        default: return nil
        }
    }

    private func count(_ service: Service, _ state: SwarmState, _ isMeant: (SwarmTask) -> Bool) -> Double {
        Double(
            state.tasks(ofService: service.id).count { isMeant($0) && now.timeSince($0.status.timestamp) < 600 })
    }

    private func told(_ service: Service, _ state: SwarmState, _ board: PulseBoard) -> [PulseBoard.TaskLatest] {
        state.tasks(ofService: service.id).compactMap { task in
            guard let latest = board.tasks[task.id], latest.nodeID == task.nodeID, now.seconds - latest.time <= 60
            else { return nil }
            return latest
        }
    }

    private func value(_ task: PulseBoard.TaskLatest, _ series: TaskPulseSeries) -> Double {
        Double(task.values[series.rawValue])
    }

    private func sum(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.reduce(0, +) }
}
