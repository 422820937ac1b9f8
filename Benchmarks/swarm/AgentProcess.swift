import Cluster
import EngineInterface
import Foundation
import LinuxSystem
import Model
import Synchronization

/// The process that the nodes are in.
final class AgentProcess: Sendable {
    let processID: Int32
    private let child: Process
    private let input: FileHandle
    private let output: FileHandle
    /// What it has written and nobody has read.
    private let unread = Mutex("")

    private init(_ child: Process, _ input: FileHandle, _ output: FileHandle) {
        self.child = child
        self.input = input
        self.output = output
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
        let (input, output) = (Pipe(), Pipe())
        child.standardInput = input
        child.standardOutput = output
        try child.run()
        let process = AgentProcess(child, input.fileHandleForWriting, output.fileHandleForReading)
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

    /// How many containers run at the nodes, and ran at once since this was asked last. The manager has no part in it. One asks at a time.
    /// - Parameter serviceID: `nil` for those of all services.
    func count(_ serviceID: String? = nil) async throws -> (running: Int, most: Int, fewest: Int) {
        try input.write(contentsOf: Data("count \(serviceID ?? "")\n".utf8))
        while true {
            let words = try await line().split(separator: " ")
            guard words.first == "count" else { continue }
            let numbers = words.dropFirst().compactMap { Int($0) }
            guard numbers.count == 3 else { throw TimeIsUp() }
            return (numbers[0], numbers[1], numbers[2])
        }
    }

    /// The next line that it writes, without its end.
    private func line() async throws -> String {
        let output = output
        while true {
            let whole: String? = unread.withLock { text in
                guard let end = text.firstIndex(of: "\n") else { return nil }
                defer { text.removeSubrange(...end) }
                return String(text[..<end])
            }
            if let whole { return whole }
            let data = try await onThread { output.availableData }
            guard !data.isEmpty else { throw TimeIsUp() }
            unread.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
    }

    func end() async {
        child.terminate()
        while child.isRunning {
            // A cancelled run ends the process all the same.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
