import Concurrency
package import EngineInterface
import Glibc
import LinuxSystem
package import Logging
import Model
import ServiceLifecycle

/// Tells the dashboard's server what the node is: whether it manages a swarm, at which address, and with which certificate.
package struct DashboardWatch: ServiceLifecycle.Service {
    /// A change that nobody tells of is seen after this long.
    private static let longestSilence: Duration = .seconds(10)

    private let server: DashboardServer
    private let swarm: any SwarmBackend
    private let certificate: String
    private let changes: @Sendable () async -> AsyncStream<Void>
    private let logger: Logger

    /// - Parameters:
    ///   - certificate: Path of a PEM file with certificate and key; renewed in place.
    ///   - changes: Yields when the node's part in a swarm, or something else, has changed.
    package init(
        _ server: DashboardServer, swarm: any SwarmBackend, certificate: String,
        changes: @escaping @Sendable () async -> AsyncStream<Void>, logger: Logger
    ) {
        self.certificate = certificate
        self.changes = changes
        self.logger = logger
        self.server = server
        self.swarm = swarm
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let wake = ObservableValue(0)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in await changes() { wake.change { $0 += 1 } } }
                group.addTask { await look(wake) }
                // The stream may end; looking goes on until the daemon ends.
                await group.waitForAll()
            }
        }
    }

    private func look(_ wake: ObservableValue<Int>) async {
        var known: KnownIdentity?
        do {
            while true {
                let seen = wake.value
                server.use(await circumstances(&known))
                try await Task.sleep(for: .milliseconds(200))
                do {
                    try await withDeadline(Self.longestSilence) { try await wake.wait { $0 != seen ? () : nil } }
                } catch is DeadlinePassed {
                    continue
                }
            }
        } catch {
            // Cancelled: the daemon ends.
        }
    }

    private func circumstances(_ known: inout KnownIdentity?) async -> DashboardServer.Circumstances {
        let info = await swarm.swarmInfo()
        guard info.controlAvailable else { return .init(advertised: nil, identity: nil) }
        do {
            known = try await onThread { [certificate, known] in
                try KnownIdentity(certificate, unlessAs: known)
            }
        } catch {
            // Half a file is none: what was served before stays until the next look.
            logger.warning("the dashboard's certificate cannot be read", metadata: ["error": "\(error)"])
        }
        guard let identity = known?.identity else { return .init(advertised: nil, identity: nil) }
        let name = info.cluster?.spec.name ?? ""
        return .init(advertised: info.nodeAddr, identity: identity, name: name.isEmpty ? "default" : name)
    }
}

/// What a file of certificate and key said, and by what it shows whether it still does: it is read when it is another file, not with each look.
struct KnownIdentity: Sendable {
    private struct Stamp: Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int64
        let nanoseconds: Int64
    }

    let identity: DashboardIdentity
    private let stamp: Stamp

    /// `nil` when there is no such file.
    /// - Parameter known: What was read of it before.
    init?(_ path: String, unlessAs known: Self?) throws {
        // Before the file is read: of one that is replaced meanwhile the next look reads the new one.
        guard let found = try Files.status(path) else { return nil }
        stamp = Stamp(
            inode: UInt64(clamping: found.st_ino), size: Int64(clamping: found.st_size),
            seconds: Int64(clamping: found.st_mtim.tv_sec), nanoseconds: Int64(clamping: found.st_mtim.tv_nsec))
        if let known, known.stamp == stamp {
            identity = known.identity
            return
        }
        guard let text = try Files.text(path, limit: 1 << 20) else { return nil }
        let read = DashboardIdentity(chain: text, key: text)
        // Throws where the file is not whole yet.
        _ = try read.fingerprint()
        identity = read
    }
}
