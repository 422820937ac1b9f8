import Cluster
import EngineInterface
import Foundation
import Model

/// The process that the nodes are in.
final class AgentProcess: Sendable {
    let processID: Int32
    private let child: Process
    private let input: FileHandle

    private init(_ child: Process, _ input: FileHandle) {
        self.child = child
        self.input = input
        processID = child.processIdentifier
    }

    /// Returns when all nodes are members that are up.
    ///
    /// - Parameters:
    ///   - token: That of workers; by default what `swarm` says.
    ///   - managers: How many nodes there are besides.
    static func start(
        _ count: Int, _ place: SwarmBenchmark.Place, of swarm: ManagedSwarm, token: String? = nil,
        beside managers: Int = 1
    ) async throws -> AgentProcess {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        child.arguments = [
            "agents", "--directory", place.directory, "--port", "\(place.port)", "--count", "\(count)", "--token",
            token ?? swarm.token,
        ]
        let input = Pipe()
        child.standardInput = input
        child.standardOutput = FileHandle.standardError
        try child.run()
        let process = AgentProcess(child, input.fileHandleForWriting)
        do { try await process.wait(for: count + managers, of: swarm) } catch {
            await process.end()
            throw error
        }
        return process
    }

    /// Returns when so many nodes are up, managers included.
    private func wait(for total: Int, of swarm: ManagedSwarm) async throws {
        try await until(within: .seconds(1200), every: .milliseconds(200)) {
            guard self.child.isRunning else { throw TimeIsUp() }
            return try await swarm.swarm.listNodes(Filters()).count { $0.status.state == .ready } == total
        }
    }

    /// Lets so many more nodes join. Returns when there are `total` that are up, managers included.
    func join(_ more: Int, of swarm: ManagedSwarm, to total: Int) async throws {
        try input.write(contentsOf: Data("join \(more)\n".utf8))
        try await wait(for: total, of: swarm)
    }

    /// Stops so many of the nodes as machines stop that fail.
    func stop(_ count: Int) throws { try input.write(contentsOf: Data("stop \(count)\n".utf8)) }

    func end() async {
        child.terminate()
        while child.isRunning {
            // A cancelled run ends the process all the same.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
