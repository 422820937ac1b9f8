import Glibc
import LinuxSystem

/// Messages as datagrams, or one after the other in a stream.
struct SyslogTransport: LogTransport {
    /// In the order in which Docker tries them.
    private static let usualPaths = ["/dev/log", "/var/run/syslog", "/var/run/log"]

    let way: SyslogDriver.Way
    let tls: StreamTLS?

    var limits: BatchLimits {
        var limits = BatchLimits()
        // A slow receiver makes progress; writing has deadlines of its own.
        limits.deadline = .seconds(60)
        return limits
    }

    func connect() async throws -> any LogConnection {
        switch way {
        case .datagrams(let address): return SyslogDatagrams(connection: try await DatagramConnection.open(address))
        case .stream(let address):
            return SyslogStream(stream: try await StreamConnection.open(StreamOptions(address: address, tls: tls)))
        case .local:
            var last: any Error = TransportError("there is no socket of a syslog on this node")
            for path in Self.usualPaths {
                guard Files.exists(path) else { continue }
                do {
                    return SyslogDatagrams(connection: try await DatagramConnection.open(.path(path)))
                } catch { last = error }
            }
            for path in Self.usualPaths {
                guard Files.exists(path) else { continue }
                do {
                    return SyslogStream(
                        stream: try await StreamConnection.open(StreamOptions(address: .path(path))))
                } catch { last = error }
            }
            throw last
        }
    }
}

private struct SyslogDatagrams: LogConnection {
    let connection: DatagramConnection

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        try await connection.write(batch.items.map(\.line.bytes))
        return .handedOver
    }

    func untilOver() async throws { try await connection.untilOver() }
    func close() async { await connection.close() }
}

private struct SyslogStream: LogConnection {
    let stream: StreamConnection

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        try await stream.write(parts: batch.items.map(\.line.bytes))
        try await stream.waitForAcknowledgement()
        return .handedOver
    }

    func untilOver() async throws { try await stream.untilOver() }
    func stands() async -> Bool { await stream.stands() }
    func close() async { await stream.close() }
}
