import Concurrency
package import EngineInterface
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
        do {
            while true {
                let seen = wake.value
                server.use(await circumstances())
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

    private func circumstances() async -> DashboardServer.Circumstances {
        let info = await swarm.swarmInfo()
        guard info.controlAvailable else { return .init(advertised: nil, identity: nil) }
        do {
            let text = try await onThread { [certificate] in try Files.text(certificate, limit: 1 << 20) }
            guard let text else { return .init(advertised: nil, identity: nil) }
            let identity = DashboardIdentity(chain: text, key: text)
            // Half a file is none: what was served before stays until the next look.
            _ = try identity.fingerprint()
            let name = info.cluster?.spec.name ?? ""
            return .init(advertised: info.nodeAddr, identity: identity, name: name.isEmpty ? "default" : name)
        } catch {
            logger.warning("the dashboard has no certificate to show", metadata: ["error": "\(error)"])
            return .init(advertised: nil, identity: nil)
        }
    }
}
