import Addressing
import Foundation
import Glibc
import LinuxSystem
import Logging
import Model
import Netlink
import PathProbes
import TestKit
import Testing

@testable import Engine

/// The daemon and the process that encrypts: a real one, where it has been built beside these tests.
@Suite struct EncryptionKeeperTests {
    private static let program: String? = {
        if let path = getenv("APUS_ESP_PROGRAM") { return String(cString: path) }
        let own = (try? Files.link("/proc/self/exe")) ?? ""  // A test of this process.
        let folders = [Files.parent(of: own), ".build/debug", ".build/release"]
        return folders.map { $0 + "/" + EncryptionProcess.name }.first { access($0, X_OK) == 0 }
    }()

    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func keyring(_ version: UInt64) throws -> OverlayKeyring {
        let secret = try #require(OverlaySecret(bytes: Data(repeating: 7, count: OverlaySecret.length)))
        return OverlayKeyring(
            version: version, generations: [.init(number: 1, secret: secret, createdAt: .zero, removals: 0)], sending: 1
        )
    }

    private func demand(_ namespace: NetworkNamespace) -> EncryptionDemand {
        let address = IPAddress(10, 1, 0, 9)
        return EncryptionDemand(
            nodeID: "one", address: IPAddress(127, 0, 0, 1), dataPathPort: 4789, underlayMTU: 1500,
            own: EncryptionPlace(number: 1, page: 1, restarts: 0, lanes: 1),
            networks: [
                .init(
                    id: "net", vni: 4097, namespace: namespace.path, tap: "esp0", mtu: 1408,
                    stations: [
                        MACAddress(octets: [2, 0x42] + address.octets): .init(nodeID: "two", addresses: [address])
                    ])
            ],
            peers: [
                "two": .init(
                    address: IPAddress(127, 0, 0, 2),
                    place: EncryptionPlace(number: 2, page: 2, restarts: 0, lanes: 1))
            ])
    }

    private func wait(_ what: Comment, _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            try #require(ContinuousClock.now < end, what)
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Runs a keeper, as a daemon does, while `body` runs; then it is gone and the process is not.
    private func running(_ keeper: EncryptionKeeper, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await keeper.run() } catch is CancellationError {}
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Of the program, in this namespace.
    private func pids(_ directory: String) throws -> [pid_t] {
        try Files.list("/proc").compactMap { pid_t($0) }.filter { pid in
            // One that ends meanwhile has none.
            guard let line = try? Files.read("/proc/\(pid)/cmdline"), Processes.state(of: pid) != "Z" else {
                return false
            }
            return String(decoding: line, as: UTF8.self).contains(directory + "/control.sock")
        }
    }

    @Test(.enabled(if: program != nil, "apus-esp is not built"))
    func `the process is started, told, started again, taken over by the next daemon, and ended`() async throws {
        try await withNetworkNamespaces(2) { namespaces in
            try await withTemporaryDirectory { directory in
                let (node, overlay) = (namespaces[0], namespaces[1])
                try await node.run { try RouteSocket().perform(SetLink("lo", isUp: true)) }
                let esp = directory + "/esp"
                let process = EncryptionProcess(program: Self.program, directory: esp, namespace: node)
                func keeper() -> EncryptionKeeper { EncryptionKeeper(process, events: EventLog(), log: log) }
                try await cleaningUp {
                    let first = keeper()
                    #expect(first.obstacle == nil)
                    try await running(first) {
                        first.want(demand(overlay))
                        // Without keys there is nothing to tell.
                        try await Task.sleep(for: .milliseconds(300))
                        #expect(try pids(esp).isEmpty && first.status.value.page == nil)
                        first.take(try keyring(5))
                        try await wait("the process has the keys") { first.status.value.keys == 5 }
                        #expect(first.ports.value == first.status.value.lanes)
                        let device = try await overlay.run { try RouteSocket().link(named: "esp0") }
                        #expect(device?.kind == "tun" && device?.mtu == 1408)

                        let (page, old) = (first.status.value.page, try #require(try pids(esp).first))
                        kill(old, SIGKILL)
                        try await wait("another process is there") { try pids(esp).contains { $0 != old } }
                        first.take(try keyring(6))
                        try await wait("it has the newer keys") { first.status.value.keys == 6 }
                        // Its numbers have outlived it.
                        #expect(first.status.value.page == page)
                    }
                    // A keeper that waits long for an answer may have started one that finds the first still there, and ends.
                    try await wait("one process is left") { try pids(esp).count == 1 }
                    let left = try pids(esp)

                    let second = keeper()
                    try await running(second) {
                        second.want(demand(overlay))
                        second.take(try keyring(7))
                        try await wait("the process is taken over") { second.status.value.keys == 7 }
                        try await wait("it is the same") { try pids(esp) == left }
                        second.want(nil)
                        try await wait("the process is ended") { try pids(esp).isEmpty }
                        try await wait("nothing is said of it") { second.status.value == NodeEncryption() }
                        try await wait("no port is left open") { second.ports.value == 0 }
                    }

                    // One that an earlier daemon has left, of which nobody wants anything.
                    let third = keeper()
                    try await running(third) {
                        third.want(demand(overlay))
                        third.take(try keyring(8))
                        try await wait("it runs once more") { third.status.value.keys == 8 }
                    }
                    let fourth = keeper()
                    try await running(fourth) {
                        fourth.want(nil)
                        try await wait("it is ended") { try pids(esp).isEmpty }
                    }
                } by: {
                    for pid in try pids(esp) { kill(pid, SIGKILL) }
                }
            }
        }
    }

    @Test(.enabled(if: program != nil, "apus-esp is not built"))
    func `another namespace for probes gets its device, also where its path is that of the one before`() async throws {
        try await withNetworkNamespaces(4) { namespaces in
            try await withTemporaryDirectory { directory in
                let esp = directory + "/esp"
                let process = EncryptionProcess(program: Self.program, directory: esp, namespace: namespaces[0])
                let keeper = EncryptionKeeper(process, events: EventLog(), log: log)
                try await cleaningUp {
                    try await running(keeper) {
                        keeper.want(demand(namespaces[1]))
                        keeper.take(try keyring(1))
                        // As the number of a descriptor is, which is free again.
                        let path = directory + "/probes"
                        for namespace in namespaces.dropFirst(2) {
                            unlink(path)
                            try check(symlink(namespace.path, path), "make a link")
                            keeper.probe(in: path)
                            try await wait("the device is there") {
                                let device = try await namespace.run {
                                    try RouteSocket().link(named: ProbeDevice.encryptedName)
                                }
                                return device != nil
                            }
                        }
                    }
                } by: {
                    for pid in try pids(esp) { kill(pid, SIGKILL) }
                }
            }
        }
    }

    @Test func `a node without the program says so`() async throws {
        try await withTemporaryDirectory { directory in
            let process = EncryptionProcess(program: nil, directory: directory, namespace: nil)
            guard process.program == nil else { return }
            let keeper = EncryptionKeeper(process, events: EventLog(), log: log)
            #expect(keeper.obstacle?.contains("apus-esp is not installed") == true)
            #expect(keeper.status.value.reason == keeper.obstacle)
        }
    }
}
