import Addressing
import Concurrency
import Faults
import Logging
import Model
import Synchronization
import TestKit
import Testing

@testable import Engine

@Suite final class MeshWatchTests: Sendable {
    private let ingress = ObservableValue<SwarmNetworks.Ingress?>(nil)
    private let events = EventLog()
    private let trouble = Mutex<Result<IngressTrouble?, CannotTry>>(.success(nil))
    private let tried = Mutex<[String]>([])

    private struct CannotTry: Fault { let kind = FaultKind.unavailable }

    private func network(_ text: String) throws -> SwarmNetworks.Ingress {
        SwarmNetworks.Ingress(id: "n1", name: "ingress", subnet: try #require(IPNetwork(text)))
    }

    private func watching(_ body: (MeshWatch) async throws -> Void) async throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let watch = MeshWatch(ingress, pause: .milliseconds(10), events: events, log: log) { [self] network in
            tried.withLock { $0.append(network.subnet.description) }
            return try trouble.withLock { $0 }.get()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            try await body(watch)
            group.cancelAll()
        }
    }

    private var told: [String] { events.state.withLock { $0.recent.map(\.event.action) } }

    @Test func `a network that cannot work here is told of by name, until it can`() async throws {
        try await watching { watch in
            trouble.withLock { $0 = .success(.parameter(name: "net.ipv4.conf.all.arp_ignore", value: "8")) }
            ingress.set(try network("240.255.0.0/16"))
            try await eventually("the warning") { !watch.warnings.isEmpty }
            #expect(
                watch.warnings == [
                    "WARNING: ports of the routing mesh do not work on this node with 240.255.0.0/16: nothing arrives while net.ipv4.conf.all.arp_ignore is 8"
                ])
            try await eventually("more tries") { tried.withLock { $0.count } > 3 }
            #expect(told == ["mesh-ill"])
            trouble.withLock { $0 = .success(nil) }
            try await eventually("the end") { told == ["mesh-ill", "mesh-well"] }
            #expect(watch.warnings.isEmpty)
        }
    }

    @Test func `one that works is tried once, and again when it is another`() async throws {
        try await watching { watch in
            ingress.set(try network("240.255.0.0/16"))
            try await eventually("a try") { tried.withLock { $0.count } == 1 }
            ingress.set(nil)
            ingress.set(try network("240.255.0.0/16"))
            try await Task.sleep(for: .milliseconds(60))
            trouble.withLock { $0 = .success(.lost) }
            ingress.set(try network("10.9.0.0/16"))
            try await eventually("the warning") { !watch.warnings.isEmpty }
            #expect(Set(tried.withLock { $0 }) == ["240.255.0.0/16", "10.9.0.0/16"])
            // With the swarm the word goes, too.
            ingress.set(nil)
            try await eventually("silence") { watch.warnings.isEmpty }
            #expect(told == ["mesh-ill"])
        }
    }

    @Test func `what cannot be tried is not said to be ill`() async throws {
        try await watching { watch in
            trouble.withLock { $0 = .failure(CannotTry()) }
            ingress.set(try network("240.255.0.0/16"))
            try await eventually("a try") { tried.withLock { !$0.isEmpty } }
            try await Task.sleep(for: .milliseconds(30))
            #expect(watch.warnings.isEmpty && told.isEmpty)
        }
    }
}
