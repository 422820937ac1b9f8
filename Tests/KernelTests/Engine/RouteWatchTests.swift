import Addressing
import LinuxSystem
import Logging
import Netlink
import TestKit
import Testing

@testable import Engine

/// The node's own routes, addresses and name servers, as the kernel and the file have them.
@Suite(.timeLimit(.minutes(2))) struct RouteWatchTests {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    /// A watch that runs, of a namespace and a directory with a `resolv.conf`.
    private func withWatch(_ body: @escaping @Sendable (RouteWatch, NetworkNamespace, String) async throws -> Void)
        async throws
    {
        try await withTemporaryDirectory { directory in
            try await withNetworkNamespace { namespace in
                let file = directory + "/resolv.conf"
                try await onThread { try Files.writeAtomically("nameserver 10.7.0.2\n", to: file, mode: 0o644) }
                let watch = RouteWatch(
                    namespace: namespace, files: try FileWatcher(), resolvConf: (directory, "resolv.conf"),
                    log: Logger(label: "routes") { _ in SwiftLogNoOpLogHandler() })
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await watch.run() }
                    defer { group.cancelAll() }
                    try await within(.seconds(60)) { try await body(watch, namespace, file) }
                }
            }
        }
    }

    /// Waits for what is watched to be so.
    private func reach(_ watch: RouteWatch, _ subnets: [String], _ resolvers: [String]) async throws {
        var present = RoutedSubnets(subnets: [], resolvers: [])
        func isReached() -> Bool {
            present.subnets.map(\.description) == subnets && present.resolvers.map(\.description) == resolvers
        }
        repeat { present = try await watch.wait(otherThan: present) } while !isReached()
    }

    @Test func `routes and addresses that come and go are told, and so is another resolv·conf, without anybody asking`()
        async throws
    {
        try await withWatch { watch, namespace, file in
            try await reach(watch, [], ["10.7.0.2"])
            let (wide, own) = (try network("10.4.0.0/16"), try network("10.99.0.1/24"))
            try await namespace.run {
                try RouteSocket().perform([
                    CreateBridge(name: "eth9", isUp: true), AddAddress(LinkAddress(link: "eth9", network: own)),
                ])
            }
            try await reach(watch, ["10.99.0.0/24"], ["10.7.0.2"])
            let route = Route(destination: wide, link: "eth9", table: 52, protocol: 4)
            try await namespace.run { try RouteSocket().perform(AddRoute(route)) }
            try await reach(watch, ["10.4.0.0/16", "10.99.0.0/24"], ["10.7.0.2"])
            try await onThread {
                try Files.writeAtomically("nameserver 127.0.0.1\nnameserver 10.8.0.2\n", to: file, mode: 0o644)
            }
            try await reach(watch, ["10.4.0.0/16", "10.99.0.0/24"], ["10.8.0.2"])
            try await namespace.run { try RouteSocket().perform(DeleteRoute(route)) }
            try await reach(watch, ["10.99.0.0/24"], ["10.8.0.2"])
        }
    }

    @Test func `ways out and our own routes are not told, and many changes at once lose nothing`() async throws {
        try await withWatch { watch, namespace, _ in
            let own = try network("10.99.0.1/24")
            let ours = try network("10.255.0.0/16")
            let routes = try (0..<3000).map { number in
                Route(
                    destination: try network("10.\(16 + number / 256).\(number % 256).0/24"), link: "eth9", protocol: 4)
            }
            let last = try network("192.168.77.0/24")
            try await namespace.run {
                let socket = try RouteSocket()
                try socket.perform([
                    CreateBridge(name: "eth9", isUp: true), AddAddress(LinkAddress(link: "eth9", network: own)),
                    AddRoute(Route(gateway: own.address.advanced(by: 1), link: "eth9", protocol: 4)),
                    AddRoute(Route(destination: ours, link: "eth9")),
                ])
                try socket.perform(routes.map { AddRoute($0) })
                try socket.perform(routes.map { DeleteRoute($0) })
                try socket.perform(AddRoute(Route(destination: last, link: "eth9", protocol: 4)))
            }
            try await reach(watch, ["10.99.0.0/24", "192.168.77.0/24"], ["10.7.0.2"])
        }
    }

    @Test func `before anybody watches what is asked for is read`() async throws {
        try await withNetworkNamespace { namespace in
            let watch = RouteWatch(
                namespace: namespace, files: try FileWatcher(), resolvConf: ("/nonexistent", "resolv.conf"),
                log: Logger(label: "routes") { _ in SwiftLogNoOpLogHandler() })
            let own = try network("10.98.0.1/24")
            try await namespace.run {
                try RouteSocket().perform([
                    CreateBridge(name: "eth9", isUp: true), AddAddress(LinkAddress(link: "eth9", network: own)),
                ])
            }
            let present = try await watch.present()
            #expect(present.subnets.map(\.description) == ["10.98.0.0/24"] && present.resolvers.isEmpty)
        }
    }
}
