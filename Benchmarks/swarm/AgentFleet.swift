import Cluster
import EngineInterface
import Foundation
import LinuxSystem
import Model
import NIOPosix
import Synchronization

/// The nodes of one process.
final class AgentFleet: Sendable {
    /// Handshakes that a manager lets one address have at once, with some room.
    private static let joinsAtOnce = 16
    private static let joinLimit = Duration.seconds(900)

    private let place: SwarmBenchmark.Place
    private let count: Int
    private let token: String
    private let table = FleetTable()
    /// Those that run, by number.
    private let nodes = Mutex<[Int: (task: Task<Void, any Error>, executor: KernellessExecutor)]>([:])

    init(_ place: SwarmBenchmark.Place, count: Int, token: String) {
        self.count = count
        self.place = place
        self.token = token
    }

    func run() async throws {
        var joining = 0..<max(0, count)
        try await join(joining)
        while let line = try await onThread({ readLine() }) {
            if line.hasPrefix("join "), let more = Int(line.dropFirst(5)) {
                joining = joining.upperBound..<joining.upperBound + max(0, more)
                try await join(joining)
                continue
            }
            if line.hasPrefix("count") {
                let count = table.count(of: line.split(separator: " ").dropFirst().first.map(String.init))
                print("count \(count.running) \(count.most) \(count.fewest)")
                fflush(nil)
                continue
            }
            guard line.hasPrefix("stop "), let number = Int(line.dropFirst(5)) else { continue }
            let stopped = nodes.withLock { nodes in
                let chosen = nodes.keys.sorted().prefix(number)
                return chosen.compactMap { nodes.removeValue(forKey: $0) }
            }
            for node in stopped {
                node.task.cancel()
                node.executor.lose()
            }
            print("stopped \(stopped.count)")
            fflush(nil)
        }
    }

    /// Returns when all of these have joined.
    private func join(_ numbers: Range<Int>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, index) in numbers.enumerated() {
                if place >= Self.joinsAtOnce { try await group.next() }
                group.addTask { try await self.start(index) }
            }
            try await group.waitForAll()
        }
        print("joined")
        fflush(nil)
    }

    /// Returns when the node has joined; it runs on.
    private func start(_ index: Int) async throws {
        // Addresses of loopback that are no network's first or last.
        let address = "127.1.\(index / 250).\(index % 250 + 1)"
        let executor = KernellessExecutor(hostname: "node-\(index)", table: table)
        let swarm = ManagedSwarm.swarm(
            "\(place.directory)/node-\(index)", executor, at: address, port: place.port,
            .singletonMultiThreadedEventLoopGroup)
        let task = Task { try await swarm.run() }
        nodes.withLock { $0[index] = (task, executor) }
        try await until(within: .seconds(60)) { await swarm.isReady }
        var request = SwarmJoinRequest()
        request.remoteAddrs = ["127.0.0.1:\(place.port)"]
        request.listenAddr = "\(address):\(place.port)"
        request.advertiseAddr = "\(address):\(place.port)"
        request.joinToken = token
        let joining = request
        // A manager lets only so many of one address join in a second.
        try await until(within: Self.joinLimit, every: .milliseconds(500)) {
            do {
                try await swarm.joinSwarm(joining)
                return true
            } catch let error as SwarmError {
                // Refused for their number, or let go by the guard of the manager's port.
                if case .managerUnreachable = error { return false }
                if case .joinRefused(let refusal) = error, refusal.code == "ResourceExhausted" { return false }
                throw error
            }
        }
    }
}
