package import Concurrency
import Faults
import Foundation
import HummingbirdCore
import LinuxSystem
package import Logging
package import NIOCore
import ServiceLifecycle

/// Serves the dashboard over TLS where ``ListenerPlan`` says, and moves when that changes: with the first account, with another address of
/// the manager, with another certificate. A place that cannot be had is tried again; nothing else of the daemon waits for it.
package final class DashboardServer: ServiceLifecycle.Service {
    /// Where, and how much.
    package struct Configuration: Sendable {
        /// `--dashboard-addr`: nothing for the manager's address, `off`, or a place.
        package var address = ""
        package var maximumConnections = 1024
        package var connectionsPerAddress = 64
        package var handshake = TimeAmount.seconds(10)
        package init() {}
    }

    /// What the node is at present.
    package struct Circumstances: Sendable, Equatable {
        /// The manager's host; `nil` while the node manages nothing.
        package var advertised: String?
        package var identity: DashboardIdentity?
        /// The swarm's name, shown before anybody signs in.
        package var name: String
        package init(advertised: String?, identity: DashboardIdentity?, name: String = "") {
            self.advertised = advertised
            self.identity = identity
            self.name = name
        }
    }

    private struct Wanted: Sendable, Equatable {
        var places: [ListenerPlan.Place] = []
        var identity: DashboardIdentity?
    }

    package let accounts: DashboardAccounts
    private let configuration: Configuration
    private let asked: ListenerPlan.Place?
    private let backend: any DashboardBackend
    private let hub: StateHub
    private let group: any EventLoopGroup
    private let logger: Logger
    private let circumstances = ObservableValue(Circumstances(advertised: nil, identity: nil))
    private let hasAccounts = ObservableValue(false)
    private let wanted = ObservableValue(Wanted())
    /// Where it is served at this moment, with the ports that were given for 0.
    package let served = ObservableValue<[ListenerPlan.Place]>([])

    /// - Throws: ``DashboardError`` with `.badRequest` for an address that is none.
    package init(
        _ configuration: Configuration, backend: any DashboardBackend, accounts: DashboardAccounts,
        eventLoopGroup: any EventLoopGroup, logger: Logger
    ) throws {
        self.accounts = accounts
        asked = configuration.address == "off" ? nil : try ListenerPlan.place(from: configuration.address)
        self.backend = backend
        self.configuration = configuration
        group = eventLoopGroup
        hub = StateHub(backend: backend, epoch: RandomID.hex(bytes: 8), logger: logger)
        self.logger = logger
    }

    /// Tells what the node is now; may be called at any time, and with what it was.
    package func use(_ new: Circumstances) {
        guard new != circumstances.value else { return }
        circumstances.set(new)
        plan()
    }

    /// For one sign-in from this machine within a quarter of an hour.
    /// - Throws: ``DashboardError`` with `.noSwarm` while nothing is served here.
    package func makeLink() throws -> (url: String, fingerprint: String) {
        guard let identity = circumstances.value.identity,
            let place = served.value.first(where: { $0.isLoopback || $0.isWildcard })
        else { throw DashboardError(.noSwarm) }
        let home = place.isWildcard ? ListenerPlan.Place(host: "127.0.0.1", port: place.port) : place
        return ("https://\(home.text)/open#\(accounts.makeLink())", try identity.fingerprint())
    }

    package func run() async throws {
        guard configuration.address != "off" else { return try await gracefulShutdown() }
        let changes = await accounts.store.changes()
        await cancelWhenGracefulShutdown { [self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in changes {
                        self.hasAccounts.set(!(await self.accounts.store.accounts().isEmpty))
                        self.plan()
                    }
                }
                group.addTask { await self.hub.run() }
                group.addTask { await self.serve() }
                await group.next()
                group.cancelAll()
            }
        }
    }

    private func plan() {
        let now = circumstances.value
        let next = Wanted(
            places: now.identity == nil
                ? []
                : ListenerPlan.places(asked: asked, advertised: now.advertised, hasAccounts: hasAccounts.value),
            identity: now.identity)
        if wanted.value != next { wanted.set(next) }
    }

    /// Until the task is cancelled.
    private func serve() async {
        var delay = 1
        while !Task.isCancelled {
            let now = wanted.value
            do {
                if now.places.isEmpty || now.identity == nil {
                    try await wanted.wait { $0 != now ? () : nil }
                } else {
                    try await listen(now)
                    delay = 1
                }
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "the dashboard cannot be served",
                    metadata: ["places": "\(now.places.map(\.text))", "error": "\(error)", "again in s": "\(delay)"])
                do { try await Task.sleep(for: .seconds(delay)) } catch { return }
                delay = min(delay * 2, 30)
            }
            served.set([])
        }
    }

    /// Serves until something else is wanted; open streams end then, and browsers come again.
    private func listen(_ now: Wanted) async throws {
        guard let identity = now.identity else { return }
        let tls = try identity.configuration()
        let fingerprint = try identity.fingerprint()
        let routes = DashboardRoutes(
            accounts: accounts, backend: backend, hub: hub, logger: logger,
            greeting: { [circumstances] in (circumstances.value.name, fingerprint) })
        let bounds = DashboardBounds(
            maximum: configuration.maximumConnections, perAddress: configuration.connectionsPerAddress,
            handshake: configuration.handshake)
        let servers = try now.places.map { place in
            Server(
                childChannelSetup: try DashboardChannel(tls: tls, bounds: bounds) { request, writer, channel in
                    try await routes.serve(request, writer, channel)
                },
                configuration: ServerConfiguration(address: .hostname(place.host, port: place.port)),
                onServerRunning: { [served, logger] channel in
                    let actual = ListenerPlan.Place(host: place.host, port: channel.localAddress?.port ?? place.port)
                    served.change { $0.append(actual) }
                    logger.notice("the dashboard is served", metadata: ["url": "https://\(actual.text)"])
                }, eventLoopGroup: group, logger: Self.quiet(logger))
        }
        let inner = ServiceGroup(services: servers, logger: Self.quiet(logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await inner.run() }
            group.addTask { [wanted] in
                try await wanted.wait { $0 != now ? () : nil }
                await inner.triggerGracefulShutdown()
            }
            defer { group.cancelAll() }
            for _ in 0..<2 { try await group.next() }
        }
    }

    /// Each connection that ends early is nothing to tell of.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        return quiet
    }
}
