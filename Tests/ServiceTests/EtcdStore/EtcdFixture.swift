import EtcdStore
import LinuxSystem
import Logging
import StateStore
import Synchronization

/// A throw-away etcd in a directory of its own.
func withEtcd(_ body: @escaping @Sendable (EtcdSupervisor) async throws -> Void) async throws {
    try await withEtcdDirectory { directory in
        let supervisor = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
        try await running(supervisor) { try await body(supervisor) }
    }
}

/// A directory for an etcd; whatever etcd runs there at the end is stopped and the directory removed.
func withEtcdDirectory(_ body: @Sendable (String) async throws -> Void) async throws {
    let directory = "/tmp/apus-etcd-\(RandomID.hex(bytes: 6))"
    let result: Result<Void, any Error>
    do {
        try await body(directory)
        result = .success(())
    } catch {
        result = .failure(error)
    }
    let leftOver = try EtcdSupervisor(etcdConfiguration(in: directory), logger: quietLogger)
    try await leftOver.stop()
    try await onThread { try Files.removeTree(directory) }
    try result.get()
}

/// Runs a supervisor around a body; afterwards etcd goes on.
func running(_ supervisor: EtcdSupervisor, _ body: @escaping @Sendable () async throws -> Void) async throws {
    struct Ended: Error {}
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            try await supervisor.run()
            throw Ended()
        }
        group.addTask {
            try await supervisor.waitUntilReady()
            try await body()
        }
        defer { group.cancelAll() }
        try await group.next()
    }
}

func etcdConfiguration(in directory: String) -> EtcdConfiguration {
    EtcdConfiguration(
        name: "node", dataDirectory: "\(directory)/data", runDirectory: "\(directory)/run", logFile: "\(directory)/log",
        clusterToken: "cluster", withoutFsync: true)
}

var quietLogger: Logger {
    var logger = Logger(label: "etcd")
    logger.logLevel = .critical
    return logger
}

/// Waits for a condition, at most that long.
func eventually(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}

/// A value that several tasks of a test note something in.
final class Noted<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    var value: Value { mutex.withLock { $0 } }

    func change<Result: Sendable>(_ body: @Sendable (inout Value) throws -> Result) rethrows -> Result {
        try mutex.withLock { value in try body(&value) }
    }
}
