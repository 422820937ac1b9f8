import Concurrency
import DockerMessages
import EngineInterface
import Faults
import Logging
import Model

/// Brings one assigned task to the state that is wanted, one step at a time, and reports each.
///
/// Every step finds what an earlier daemon has done: a task that ran goes on running and is only waited for.
struct TaskRunner: Sendable {
    /// How long to wait, after the first failure and at the most, before the engine is asked again for what it could not do.
    static let firstRetry = Duration.seconds(2)
    static let longestRetry = Duration.seconds(60)

    /// The task as it is wanted now; `nil` when the node is no longer to have it.
    let wanted: ObservableValue<SwarmTask?>
    let executor: any TaskExecutor
    /// Told each new status.
    let report: @Sendable (TaskStatus) -> Void
    let log: Logger
    var firstRetry = Self.firstRetry
    var longestRetry = Self.longestRetry

    private enum Interruption: Sendable {
        case ended
        case stop
        case cancelled
    }

    /// Runs until the node is no longer to have the task, and its container is gone.
    func run(_ task: SwarmTask, from status: TaskStatus) async {
        do {
            if !status.state.isTerminal, wanted.value != nil {
                let progress = ObservableValue(status)
                switch await race(task, progress) {
                case .cancelled: return
                case .ended: break
                case .stop: try await stop(task, progress.value)
                }
            }
            try await makeSure(task)
            // Ended tasks keep their container, as Docker's do, until the swarm forgets them.
            try await wanted.wait { $0 == nil ? true : nil }
            try await remove(task)
        } catch {
            if !(error is CancellationError) { log.error("task is given up", metadata: ["error": "\(error)"]) }
        }
    }

    /// Advances until the task has ended or is to stop, whatever is first: stopping overtakes a pull.
    private func race(_ task: SwarmTask, _ progress: ObservableValue<TaskStatus>) async -> Interruption {
        await withTaskGroup(of: Interruption.self) { group in
            group.addTask {
                do {
                    try await advance(task, progress)
                    return .ended
                } catch {
                    return .cancelled
                }
            }
            group.addTask {
                do {
                    try await wanted.wait { ($0?.desiredState ?? .remove) > .complete ? true : nil }
                    return .stop
                } catch {
                    return .cancelled
                }
            }
            let first = await group.next() ?? .cancelled
            group.cancelAll()
            return first
        }
    }

    /// - Throws: Only `CancellationError`; what goes wrong with the task is its status.
    private func advance(_ task: SwarmTask, _ progress: ObservableValue<TaskStatus>) async throws {
        var status = progress.value
        func tell(_ state: TaskState, _ message: String, error: String? = nil) {
            let former = status
            status = TaskStatus(state, message, at: .now, error: error)
            status.containerStatus = former.containerStatus
            status.portStatus = state == .running ? former.portStatus : nil
            status.chosenAddresses = state == .running ? former.chosenAddresses : nil
            progress.set(status)
            report(status)
        }
        do {
            if let attachment = task.spec.networkAttachmentSpec {
                var known = AttachmentHolder(
                    name: status.containerStatus?.name ?? attachment.containerName,
                    addresses: status.chosenAddresses?.first?.addresses ?? [])
                status.containerStatus = .init()
                status.containerStatus?.containerID = attachment.containerID
                status.containerStatus?.name = known.name
                if status.state < .running { tell(.running, "attached") }
                while let holder = try await executor.waitForHolder(of: task.id, otherThan: known) {
                    status.containerStatus?.name = holder.name
                    status.chosenAddresses = chosenAddresses(of: holder, task)
                    tell(.running, holder.name == known.name ? "addressed" : "renamed")
                    known = holder
                }
                return tell(.complete, "released")
            }
            if status.state < .running {
                if status.state < .accepted { tell(.accepted, "accepted") }
                if status.state < .preparing { tell(.preparing, "preparing") }
                let container = try await executor.prepareTask(task)
                status.containerStatus = status.containerStatus ?? .init()
                status.containerStatus?.containerID = container
                if status.state < .ready { tell(.ready, "prepared") }
                try await wanted.wait { ($0?.desiredState ?? .remove) >= .running ? true : nil }
                try Task.checkCancellation()
                tell(.starting, "starting")
                status.containerStatus = try await executor.startTask(task)
                let ports = await executor.publishedPorts(of: task)
                status.portStatus = TaskStatus.PortStatus()
                status.portStatus?.ports = ports.isEmpty ? nil : ports
                let chosen = await executor.chosenAddresses(of: task)
                status.chosenAddresses = chosen.isEmpty ? nil : chosen
                tell(.running, "started")
            }
            let exit = try await executor.waitForTask(task)
            try Task.checkCancellation()
            guard let exit else { return tell(.failed, "failed", error: "the task's container is gone") }
            status.containerStatus?.exitCode = exit.exitCode
            status.containerStatus?.processID = 0
            if exit.exitCode == 0, exit.message == nil {
                tell(.complete, "finished")
            } else {
                tell(.failed, "failed", error: exit.message ?? "task: non-zero exit (\(exit.exitCode))")
            }
        } catch {
            try Task.checkCancellation()
            if error is CancellationError { throw error }
            log.warning("task failed", metadata: ["state": "\(status.state)", "error": "\(error)"])
            if status.state <= .preparing {
                tell(.rejected, "preparing", error: DockerMessage.text(of: error))
            } else {
                tell(.failed, "starting", error: DockerMessage.text(of: error))
            }
        }
    }

    private func chosenAddresses(of holder: AttachmentHolder, _ task: SwarmTask) -> [TaskStatus.ChosenAddresses]? {
        guard !holder.addresses.isEmpty, let network = task.networksAttachments?.first?.network.id else { return nil }
        return [TaskStatus.ChosenAddresses(networkID: network, addresses: holder.addresses)]
    }

    /// Returns when the container has ended, however often that must be tried: a task that still runs must not be reported as ended.
    private func stop(_ task: SwarmTask, _ last: TaskStatus) async throws {
        if last.state.isTerminal { return }
        if last.state >= .preparing {
            try await untilDone("task cannot be stopped") {
                do { try await executor.stopTask(task) } catch let error as any Fault where error.kind == .notFound {}
            } unless: {
                // Forgotten by the swarm: nothing is to be reported, and removing it ends it, too.
                wanted.value == nil
            }
        }
        try Task.checkCancellation()
        guard wanted.value != nil else { return }
        var status = TaskStatus(.shutdown, "shutdown", at: .now)
        status.containerStatus = last.containerStatus
        status.containerStatus?.processID = 0
        report(status)
    }

    /// A task that has ended may be replaced: nothing of it may run, however it came to its end, in this instance of the daemon or in an earlier one.
    private func makeSure(_ task: SwarmTask) async throws {
        if task.isAttachment { return }
        try await untilDone("what is left of an ended task cannot be stopped") {
            do { try await executor.stopTask(task) } catch let error as any Fault where error.kind == .notFound {}
        } unless: {
            // Forgotten: removing it ends it, too.
            wanted.value == nil
        }
    }

    private func remove(_ task: SwarmTask) async throws {
        try await untilDone("task's container cannot be removed") {
            try await executor.removeTask(id: task.id)
        } unless: {
            false
        }
    }

    /// Tries again and again, more and more seldom, until it is done or, after the first try, need not be.
    private func untilDone(
        _ complaint: String, _ body: () async throws -> Void, unless isNeedless: () -> Bool
    ) async throws {
        var pause = firstRetry
        while true {
            do { return try await body() } catch {
                if error is CancellationError { throw error }
                log.error("\(complaint)", metadata: ["error": "\(error)"])
            }
            if isNeedless() { return }
            try await Task.sleep(for: pause)
            if isNeedless() { return }
            pause = min(pause * 2, longestRetry)
        }
    }
}
