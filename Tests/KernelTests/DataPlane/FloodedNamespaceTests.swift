import Addressing
import Glibc
import LinuxSystem
import Netlink
import Nftables
import TestKit
import Testing

@testable import DataPlane

/// A container with rights over its network fills its namespace; the daemon does not grow with it.
@Suite(.serialized) struct FloodedNamespaceTests {
    /// What a look and a repair may take, in kilobytes: far less than the least of the floods below would.
    private let most = 24 << 10

    /// Loads rules by the `nft` program, so that this process does not grow by them.
    private func load(_ text: String, in namespace: NetworkNamespace) async throws {
        try await withTemporaryDirectory { directory in
            try await onThread { try Files.writeAtomically(text, to: "\(directory)/rules") }
            let nft = try #require(Processes.find("nft"))
            let ended = try await Processes.spawn(
                SpawnRequest(
                    executable: nft, arguments: ["-f", "\(directory)/rules"], networkNamespace: namespace.path)
            ).wait()
            #expect(ended.code == 0)
        }
    }

    private func addresses(_ count: Int, step: Int = 1) -> String {
        (0..<count).map { number in "\(IPAddress(10, 0, 0, 0).advanced(by: UInt32(number * step)))" }
            .joined(separator: ", ")
    }

    /// How much the process grew at the most while it worked, in kilobytes.
    private func growth(_ work: () async throws -> Void) async throws -> Int {
        func field(_ name: String) throws -> Int {
            let text = try #require(try Files.text("/proc/self/status"))
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) })
            return try #require(line.split(separator: " ").dropLast().last.flatMap { Int($0) })
        }
        // "5" sets the peak back to what there is now, proc(5).
        try Descriptor.open("/proc/self/clear_refs", O_WRONLY).writeAll(Array("5".utf8))
        let before = try field("VmRSS:")
        try await work()
        return try field("VmHWM:") - before
    }

    @Test(arguments: [
        "elements of its own", "ranges of its own", "elements among ours", "rules among ours", "ranges among ours",
    ])
    func `what a container puts into its namespace is not read`(_ flood: String) async throws {
        try await withWorld(nodes: 2) { world in
            let wanted = swarm(world, tasks: [(2, 1)], callers: [(1, 2)])
            for (node, network) in zip(world.nodes, wanted) { _ = try await node.plane.reconcile(network) }
            let greeter = try await Greeter.start("two", in: world.nodes[1].sandbox("t21"), port: 80)
            let (plane, caller) = (world.nodes[0].plane, world.nodes[0].sandbox("t12"))
            let text =
                switch flood {
                case "elements of its own":
                    "table ip mine {\nset a { type ipv4_addr; }\n}\nadd element ip mine a { \(addresses(200_000)) }\n"
                case "ranges of its own":
                    "table ip mine {\nset a { type ipv4_addr; flags interval; }\n}\n"
                        + "add element ip mine a { \(addresses(50_000, step: 2)) }\n"
                case "elements among ours":
                    "add set ip lb a { type ipv4_addr; }\nadd element ip lb a { \(addresses(200_000)) }\n"
                case "ranges among ours":
                    "add set ip lb a { type ipv4_addr; flags interval; }\n"
                        + "add element ip lb a { \(addresses(50_000, step: 2)) }\n"
                default:
                    "table ip lb {\nchain n0 {\n"
                        + String(repeating: "ip saddr 10.9.9.9 counter accept\n", count: 50_000)
                        + "}\n}\n"
                }
            try await load(text, in: caller)
            let grown = try await growth {
                let report = try await plane.resync(reason: "test", scopes: [.sandbox("t12")])
                #expect(report.failures.isEmpty, "\(report.failures)")
                #expect(report.isClean == flood.hasSuffix("of its own"), "\(report.repairs)")
                // A service changes as well.
                var changed = wanted[0]
                for index in changed.sandboxes.indices where changed.sandboxes[index].id == "t12" {
                    changed.sandboxes[index].services.append(
                        VirtualAddress(address: IPAddress(10, 1, 0, 101), backends: [taskAddress(2, 1)]))
                }
                let done = try await plane.reconcile(changed)
                #expect(done.failures.isEmpty, "\(done.failures)")
                let back = try await plane.reconcile(wanted[0])
                #expect(back.failures.isEmpty, "\(back.failures)")
            }
            #expect(grown < most, "grew by \(grown) kB")
            let again = try await plane.resync(reason: "test", scopes: [.sandbox("t12")])
            #expect(again.isClean, "\(again.repairs) \(again.failures)")
            #expect(await tcp(serviceAddress, 80, from: caller) == "two \(taskAddress(1, 2))")
            withExtendedLifetime(greeter) {}
        }
    }

    @Test func `routes and neighbours that bear our mark go some at a time, and no others are kept`() async throws {
        try await withWorld(nodes: 1) { world in
            let wanted = swarm(world, tasks: [(1, 1)])
            let plane = world.nodes[0].plane
            _ = try await plane.reconcile(wanted[0])
            let count = 30_000
            try await world.nodes[0].sandbox("t11").run {
                let socket = try RouteSocket()
                for protocolNumber in [ownProtocol, 4] {
                    try socket.perform(
                        (0..<UInt32(count)).map { number in
                            let host = IPNetwork(
                                address: IPAddress(UInt8(protocolNumber == 4 ? 20 : 21), 0, 0, 0).advanced(
                                    by: number),
                                prefixLength: 32)
                            return AddRoute(
                                Route(
                                    destination: host, gateway: IPAddress(172, 18, 0, 1), link: "eth1",
                                    protocol: protocolNumber))
                        })
                }
            }
            var rounds = 0
            let grown = try await growth {
                repeat {
                    rounds += 1
                    let report = try await plane.resync(reason: "test", scopes: [.sandbox("t11")])
                    #expect(report.failures.isEmpty, "\(report.failures)")
                    if report.isClean { break }
                } while rounds < 20
            }
            #expect(rounds == count / 4096 + 2, "\(rounds)")
            #expect(grown < most, "grew by \(grown) kB")
            let left = try await world.nodes[0].sandbox("t11").run {
                try RouteSocket().routes(addedBy: 4).count
            }
            #expect(left == count)
        }
    }
}
