import Cluster
import EngineInterface
import Foundation
import Glibc
import LinuxSystem
import Model
import Orchestration

/// How soon a swarm of three managers goes on when the one that leads is killed with its store.
///
/// The leader is a process of its own; this one has the other two, and asks the first of them.
struct ManagerLoss {
    let place: SwarmBenchmark.Place
    let size: SwarmBenchmark.Size.Chosen

    func run() async throws {
        let directory = place.directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let leader = try LeaderProcess.start(place)
        do {
            let tokens = try await leader.tokens()
            try await ManagedSwarm.joined(2, place, token: tokens.manager) { managers in
                let agents = try await AgentProcess.start(
                    size.agents, place, of: managers[0], token: tokens.worker, beside: managers.count + 1)
                do { try await measure(managers[0], leader) } catch {
                    await agents.end()
                    throw error
                }
                await agents.end()
            }
        } catch {
            leader.kill()
            throw error
        }
        leader.kill()
        try FileManager.default.removeItem(atPath: directory)
    }

    private func measure(_ swarm: ManagedSwarm, _ leader: LeaderProcess) async throws {
        let network = try await swarm.swarm.createSwarmNetwork(Measurement.network("net", subnet: "10.1.0.0/16"))
        let replicas = size.replicas
        _ = try await swarm.swarm.createService(Measurement.spec("web", replicas: replicas, network: network))
        func runs(_ count: Int) async throws -> Bool {
            // Without a quorum nothing is answered for a moment.
            do {
                return try await swarm.swarm.listTasks(Filters(["service": ["web"]])).count {
                    $0.status.state == .running && $0.isWanted
                } == count
            } catch { return false }
        }
        try await until(within: Measurement.limit) { try await runs(replicas) }
        leader.kill()
        let begun = ContinuousClock.now
        try await until(within: Measurement.limit) {
            do {
                try await swarm.scale("web", to: replicas + 1)
                return true
            } catch { return false }
        }
        try await until(within: Measurement.limit) { try await runs(replicas + 1) }
        Measurement.tell("manager-killed", (ContinuousClock.now - begun) / .seconds(1), "s", atMost: 5)
        try await until(within: Measurement.limit, every: .milliseconds(100)) {
            try await swarm.swarm.listNodes(Filters()).count { $0.status.state == .ready } >= size.agents + 2
        }
        Measurement.tell("manager-killed-nodes-heard", (ContinuousClock.now - begun) / .seconds(1), "s")
    }
}

/// The process of the manager that founds the swarm.
final class LeaderProcess: Sendable {
    private let child: Process
    private let input: FileHandle
    private let output: FileHandle
    private let directory: String

    private init(_ child: Process, _ input: FileHandle, _ output: FileHandle, _ directory: String) {
        self.child = child
        self.directory = directory
        self.input = input
        self.output = output
    }

    static func start(_ place: SwarmBenchmark.Place) throws -> LeaderProcess {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let directory = place.directory + "/leader"
        child.arguments = ["founder", "--directory", directory, "--port", "\(place.port)"]
        let (input, output) = (Pipe(), Pipe())
        child.standardInput = input
        child.standardOutput = output
        try child.run()
        return LeaderProcess(child, input.fileHandleForWriting, output.fileHandleForReading, directory)
    }

    /// Returns when it leads a swarm.
    func tokens() async throws -> (worker: String, manager: String) {
        let output = output
        let text = try await onThread { String(decoding: output.availableData, as: UTF8.self) }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 3, words[0] == "token" else { throw TimeIsUp() }
        return (words[1], words[2])
    }

    /// As a machine fails: the store's process with it.
    func kill() {
        if let store = ManagedSwarm.storeProcess(in: directory + "/manager") { _ = Glibc.kill(store, SIGKILL) }
        if child.isRunning { _ = Glibc.kill(child.processIdentifier, SIGKILL) }
    }
}
