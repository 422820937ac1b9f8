import LinuxSystem
import Logging
import Model

/// A started task runs, and gets connections, once its program serves the ports that the service publishes.
///
/// Programs need some time from their start until they listen. A task that is told to run in between is sent connections that its kernel refuses,
/// and an update stops the old task for one that does not answer yet.
extension TaskService {
    /// How long that is waited for. A program that needs longer should have a health check; one that never listens runs all the same.
    static let listenTimeout = Duration.seconds(2)

    /// Waits until the container serves all the ports its service publishes, has ended, or time is up; not at all if a health check tells. Ports in a
    /// row are not waited for: programs open them as they need them.
    func waitUntilServing(_ id: String) async throws {
        guard let record = containers.record(id), record.health == nil else { return }
        var missing = Set(
            (record.task?.ports ?? []).filter { $0.count == 1 }.compactMap { port in
                port.transport.map { Served(transport: $0, port: UInt16(clamping: port.targetPort)) }
            })
        let end = ContinuousClock.now + Self.listenTimeout
        var pause = Duration.milliseconds(1)
        while true {
            guard let record = containers.record(id), record.isRunning else { return }
            let sockets = try await listening(record)
            missing = missing.filter { !$0.isServed(by: sockets) }
            if missing.isEmpty || ContinuousClock.now >= end { break }
            // Nothing tells when a process begins to listen: looked for at once, and less and less often.
            try await Task.sleep(for: min(pause, end - .now))
            pause = min(pause * 2, .seconds(1))
        }
        if !missing.isEmpty {
            log.info(
                "a task runs though nothing listens on ports that its service publishes",
                metadata: ["container": "\(record.shortID)", "ports": "\(missing.map(\.port).sorted())"])
        }
    }

    /// The namespace's kernel is asked; on the node's own network, and if it does not answer, its files.
    private func listening(_ record: ContainerRecord) async throws -> ListeningSockets {
        if !record.isOnHostNetwork {
            do { return try await networks.listening(in: record.networkOwner ?? record.id) } catch {
                try Task.checkCancellation()
                log.debug(
                    "a container's namespace does not tell who listens",
                    metadata: ["container": "\(record.shortID)", "error": "\(error)"])
            }
        }
        guard let pid = Int32(exactly: record.processID) else { return ListeningSockets() }
        return try await onThread { try ListeningSockets(ofProcess: pid) }
    }

    private struct Served: Hashable {
        let transport: TransportProtocol
        let port: UInt16

        func isServed(by sockets: ListeningSockets) -> Bool {
            switch transport {
            case .tcp: sockets.tcp.contains(port)
            case .udp: sockets.udp.contains(port)
            case .sctp: true
            }
        }
    }
}
