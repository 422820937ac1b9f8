import Addressing
import Concurrency
import EngineInterface
import LinuxSystem
import Model
import Synchronization

/// Containers that exist in memory only: a node without a kernel.
final class KernellessExecutor: TaskExecutor {
    private struct State {
        /// By task, with how it ended.
        var containers: [String: (id: String, exit: TaskExit?)] = [:]
        var facts = NetworkFacts()
    }

    private let hostname: String
    private let state = Mutex(State())
    private let ends = KeyedCondition<String>()

    init(hostname: String) { self.hostname = hostname }

    func describeNode() async throws -> NodeDescription {
        var description = NodeDescription()
        description.hostname = hostname
        description.platform = .init(architecture: "x86_64", system: "linux")
        description.resources.nanoCPUs = 64_000_000_000
        description.resources.memoryBytes = 256 << 30
        return description
    }

    func prepareTask(_ task: SwarmTask) async throws -> String {
        let id = RandomID.docker()
        return state.withLock { state in
            if let known = state.containers[task.id] { return known.id }
            state.containers[task.id] = (id, nil)
            return id
        }
    }

    func startTask(_ task: SwarmTask) async throws -> TaskStatus.ContainerStatus {
        var status = TaskStatus.ContainerStatus()
        status.containerID = state.withLock { $0.containers[task.id]?.id ?? "" }
        status.processID = 4242
        return status
    }

    func publishedPorts(of task: SwarmTask) async -> [PortConfig] { [] }

    func waitForTask(_ task: SwarmTask) async throws -> TaskExit? {
        try await ends.wait(task.id) {
            state.withLock { $0.containers[task.id].map { $0.exit == nil } ?? false }
        }
        return state.withLock { $0.containers[task.id]?.exit }
    }

    func stopTask(_ task: SwarmTask) async throws {
        state.withLock { $0.containers[task.id]?.exit = TaskExit(exitCode: 143, message: nil) }
        ends.signal([task.id])
    }

    func removeTask(id: String) async throws {
        state.withLock { $0.containers[id] = nil }
        ends.signal([id])
    }

    func presentTasks() async throws -> [String: TaskStatus.ContainerStatus] {
        state.withLock {
            $0.containers.mapValues { container in
                var status = TaskStatus.ContainerStatus()
                status.containerID = container.id
                return status
            }
        }
    }

    func taskLogDetails(id: String) async throws -> [String: String] { [:] }

    func taskLog(id: String, _ selection: LogSelection, watermarks: Duration) async throws
        -> AsyncThrowingStream<LogPart, any Error>
    {
        AsyncThrowingStream { nil }
    }

    func tryIngress(_ subnet: IPNetwork) async throws -> IngressTrouble? { nil }

    func applyNetworkChanges(_ changes: [NetworkChangeSet], nodeID: String) async throws {
        state.withLock { state in for set in changes { state.facts.apply(set) } }
    }

    func leaveNetworks() async throws {}

    func setOverlayKeys(_ keys: OverlayKeyring) async {}

    /// It never encrypts.
    func waitForEncryption(otherThan told: NodeEncryption?) async throws {
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    func waitForHolder(of attachmentID: String, otherThan known: AttachmentHolder) async throws -> AttachmentHolder? {
        nil
    }

    func chosenAddresses(of task: SwarmTask) async -> [TaskStatus.ChosenAddresses] { [] }
}
