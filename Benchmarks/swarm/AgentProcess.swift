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
        do {
            try await until(within: .seconds(1200), every: .milliseconds(200)) {
                guard process.child.isRunning else { throw TimeIsUp() }
                return try await swarm.swarm.listNodes(Filters()).count { $0.status.state == .ready } == count
                    + managers
            }
        } catch {
            await process.end()
            throw error
        }
        return process
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
