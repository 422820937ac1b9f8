import Model
import Orchestration

/// Which tasks get new connections.
///
/// A running task becomes a backend when every node of its networks has its endpoint in force. One that is to stop remains a
/// backend as long as another of its service waits for that: so an update never leaves a service without backends that nodes
/// can reach. What has ceased to be a backend never becomes one again.
///
/// A value without a clock: it is asked anew after each change, acknowledgement and tick.
struct BackendPlanner {
    /// How long nodes have to acknowledge before a running task is used all the same.
    static let deadline = Duration.seconds(5)

    /// What a node must have in force: node id → version.
    typealias Versions = [String: UInt64]

    private struct Entry {
        var required: Versions
        /// Set when the task was first seen running.
        var until: ContinuousClock.Instant?
        var isConfirmed = false
        var isWithdrawn = false
    }

    private var entries: [String: Entry] = [:]
    private var hasBegun = false

    /// Whether a running task still waits for an acknowledgement.
    private(set) var isWaiting = false

    /// - Parameters:
    ///   - versions: The network state that each node with a session was last told of.
    ///   - acknowledged: What each such node has in force.
    /// - Returns: The ids of the tasks that are backends now.
    mutating func decide(
        _ objects: SwarmState, versions: Versions, acknowledged: Versions, now: ContinuousClock.Instant
    ) -> Set<String> {
        let running = objects.tasks.values.filter {
            $0.status.state == .running && objects.nodes[$0.nodeID ?? ""]?.status.state == .ready
        }
        // What runs when this manager begins has been in use before.
        if !hasBegun {
            for task in running { entries[task.id] = Entry(required: [:]) }
            hasBegun = true
        }
        for task in running where task.isWanted {
            guard var entry = entries[task.id], !entry.isConfirmed else { continue }
            let until = entry.until ?? now + Self.deadline
            entry.until = until
            // A node whose session has ended is not waited for: it will get the whole state when it is back.
            let isMissing = entry.required.contains { node, version in
                versions[node] != nil && (acknowledged[node] ?? 0) < version
            }
            entry.isConfirmed = !isMissing || now >= until
            entries[task.id] = entry
        }
        let waiting = running.filter { $0.isWanted && entries[$0.id]?.isConfirmed != true }
        isWaiting = !waiting.isEmpty
        let expecting = Set(waiting.map(\.serviceID))
        var backends: Set<String> = []
        for task in running {
            guard let entry = entries[task.id], !entry.isWithdrawn, entry.isConfirmed else { continue }
            if task.isWanted || expecting.contains(task.serviceID) {
                backends.insert(task.id)
            } else {
                entries[task.id]?.isWithdrawn = true
            }
        }
        return backends
    }

    /// Remembers which versions have told the nodes of tasks that are new.
    ///
    /// - Parameters:
    ///   - versions: The network state that each node with a session is told of now.
    ///   - nodes: The nodes that take part in a task's networks.
    mutating func note(_ objects: SwarmState, versions: Versions, nodes: (SwarmTask) -> Set<String>) {
        let present = objects.tasks.values.filter(NetworkStatePlanner.isPresent)
        entries = entries.filter { id, _ in objects.tasks[id].map(NetworkStatePlanner.isPresent) ?? false }
        for task in present where entries[task.id] == nil {
            let own = nodes(task)
            entries[task.id] = Entry(required: versions.filter { own.contains($0.key) })
            if task.status.state == .running { isWaiting = true }
        }
    }
}
