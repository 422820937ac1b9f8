import Faults
import LinuxSystem
import Model
import Synchronization

/// Commands that are to run, run or have run inside containers. They end with the daemon's knowledge of them: Docker
/// forgets them at a restart, too.
final class ExecTable: Sendable {
    struct Entry: Sendable {
        let id: String
        let containerID: String
        let request: ExecRequest
        var isStarted = false
        var isRunning = false
        var exitCode: Int?
        var pid = 0
    }

    /// How many ended ones of a container are remembered.
    static let endedCapacity = 128

    private let entries = Mutex<[String: Entry]>([:])

    func create(containerID: String, _ request: ExecRequest) -> Entry {
        let entry = Entry(id: RandomID.docker(), containerID: containerID, request: request)
        entries.withLock { entries in
            let ended = entries.values.filter { $0.containerID == containerID && $0.isStarted && !$0.isRunning }
            if ended.count >= Self.endedCapacity { for old in ended { entries[old.id] = nil } }
            entries[entry.id] = entry
        }
        return entry
    }

    /// - Throws: `.notFound` with `No such exec instance: X`.
    func find(_ id: String) throws -> Entry {
        guard let entry = entries.withLock({ $0[id] }) else { throw Refusal(.notFound, "No such exec instance: \(id)") }
        return entry
    }

    func update(_ id: String, _ change: (inout Entry) -> Void) {
        entries.withLock { entries in
            guard var entry = entries[id] else { return }
            change(&entry)
            entries[id] = entry
        }
    }

    /// Marks an exec as started.
    /// - Throws: `.conflict` when it was started before.
    func begin(_ id: String) throws -> Entry {
        try entries.withLock { entries throws(Refusal) in
            guard var entry = entries[id] else { throw Refusal(.notFound, "No such exec instance: \(id)") }
            if entry.isStarted {
                throw Refusal(
                    .conflict,
                    entry.isRunning
                        ? "Error: Exec command \(id) is already running" : "Error: Exec command \(id) has already run")
            }
            entry.isStarted = true
            entry.isRunning = true
            entries[id] = entry
            return entry
        }
    }

    func running(in containerID: String) -> [String] {
        entries.withLock { $0.values.filter { $0.containerID == containerID && $0.isRunning }.map(\.id).sorted() }
    }

    func forget(containerID: String) {
        entries.withLock { entries in
            for entry in entries.values where entry.containerID == containerID { entries[entry.id] = nil }
        }
    }
}
