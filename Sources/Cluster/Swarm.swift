package import EngineInterface
import Faults
import LinuxSystem
package import Logging
import Model
package import NIOPosix
import ServiceLifecycle

/// A node's part in a swarm: none, worker or manager, taken up by a command or resumed at start, and given up by `leave`.
///
/// ``run()`` drives whatever part there is; the backends' methods answer from it.
package actor Swarm: ServiceLifecycle.Service {
    static let notMember =
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
    static let notManager =
        "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager."
    static let alreadyMember =
        "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one."
    /// How long `init` waits for the store and the server.
    static let startDeadline = Duration.seconds(40)
    /// How many tasks are stopped at once when the node leaves.
    static let parallelStops = 16

    let configuration: SwarmConfiguration
    let executor: any TaskExecutor
    let group: MultiThreadedEventLoopGroup
    let log: Logger

    /// The part of the moment; `nil` on a node that is in no swarm.
    var part: SwarmPart?
    /// A command that changes the membership is under way.
    var isChanging = false
    /// Set once the part of before has been taken up: only then commands are taken.
    private var resumed = false
    private let beginnings: AsyncStream<SwarmPart>
    private let beginning: AsyncStream<SwarmPart>.Continuation

    package init(
        _ configuration: SwarmConfiguration, executor: any TaskExecutor, group: MultiThreadedEventLoopGroup, log: Logger
    ) {
        self.configuration = configuration
        self.executor = executor
        self.group = group
        self.log = log
        // Parts follow each other: at most one waits while the one before ends.
        (beginnings, beginning) = AsyncStream.makeStream(of: SwarmPart.self, bufferingPolicy: .bufferingNewest(4))
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await self.resume()
            for await part in self.beginnings { await part.run() }
        }
    }

    /// Whether commands are taken: what the node was before is known.
    package var isReady: Bool { resumed }

    /// Takes up the part that the node had, if any. Called by ``run()``.
    private func resume() async throws {
        defer { resumed = true }
        guard let file = try await MembershipFile.load(directory: configuration.directory) else { return }
        let files = configuration.credentials
        guard let credentials = try await onThread({ try files.load() }) else {
            throw ClusterError(.badMembership, "\(files.nodePath) is missing: the node cannot prove who it is")
        }
        log.info("resuming", metadata: ["node": "\(file.value.nodeID)", "role": "\(file.value.role)"])
        begin(try makePart(file, credentials, founding: nil))
    }

    func makePart(
        _ file: MembershipFile, _ credentials: NodeCredentials, founding: ManagerRole.Founding?
    ) throws -> SwarmPart {
        let identity = try TLSIdentity(credentials)
        let manager =
            file.value.role == .manager
            ? ManagerRole(file: file, identity: identity, configuration: configuration, group: group, log: log) : nil
        return SwarmPart(
            file: file, identity: identity, manager: manager, founding: founding,
            agent: Agent(
                membership: file, identity: identity, credentials: configuration.credentials, executor: executor,
                group: group, log: log), log: log)
    }

    func begin(_ part: SwarmPart) {
        self.part = part
        beginning.yield(part)
    }

    /// Makes one change of the membership at a time.
    func changing<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        guard resumed, !isChanging else {
            throw Refusal(.unavailable, "another change of this node's swarm membership is under way")
        }
        isChanging = true
        defer { isChanging = false }
        return try await body()
    }

    /// The manager that answers here.
    /// - Throws: ``Refusal`` in Docker's words on a node that is none.
    func manager() throws -> Manager {
        guard let part else { throw Refusal(.unavailable, Self.notMember) }
        guard part.manager != nil else { throw Refusal(.unavailable, Self.notManager) }
        guard let manager = part.state.value.manager else {
            throw Refusal(
                .unavailable,
                "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online."
            )
        }
        return manager
    }
}

/// One membership as it is lived: the manager's parts, if it is one, and the agent.
final class SwarmPart: Sendable {
    struct Progress: Sendable {
        /// Set while the manager's side answers.
        var manager: Manager?
        /// Why the manager's side does not answer; the part tries again.
        var failure: (any Error)?
        var isEnding = false
        var hasEnded = false
    }

    /// Before a manager's side that failed is taken up anew.
    static let pause = Duration.seconds(2)

    let file: MembershipFile
    let identity: TLSIdentity
    let manager: ManagerRole?
    let founding: ManagerRole.Founding?
    let agent: Agent
    let log: Logger
    let state = Latest(Progress())

    init(
        file: MembershipFile, identity: TLSIdentity, manager: ManagerRole?, founding: ManagerRole.Founding?,
        agent: Agent, log: Logger
    ) {
        self.agent = agent
        self.file = file
        self.founding = founding
        self.identity = identity
        self.log = log
        self.manager = manager
    }

    /// Runs until ended or cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Only cancellation is thrown: the part ends either way.
                _ = try? await self.state.wait { $0.isEnding ? true : nil }
            }
            if let manager { tasks.addTask { await self.manage(manager) } }
            tasks.addTask { await self.act() }
            await tasks.next()
            tasks.cancelAll()
        }
        state.change {
            $0.manager = nil
            $0.hasEnded = true
        }
    }

    /// Ends the part and returns when nothing of it runs any more.
    func end() async throws {
        state.change { $0.isEnding = true }
        try await state.wait { $0.hasEnded ? true : nil }
    }

    private func manage(_ role: ManagerRole) async {
        while !Task.isCancelled {
            do {
                try await role.run(founding: founding) { manager in
                    self.state.change {
                        $0.manager = manager
                        $0.failure = nil
                    }
                }
            } catch {
                state.change {
                    $0.manager = nil
                    $0.failure = error
                }
                guard !Task.isCancelled else { return }
                log.error("the manager's side failed, trying again", metadata: ["error": "\(error)"])
            }
            // Cancellation shows in the loop's condition.
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func act() async {
        while !Task.isCancelled {
            do { try await agent.run() } catch {
                guard !Task.isCancelled else { return }
                log.error("the agent failed, trying again", metadata: ["error": "\(error)"])
            }
            // Cancellation shows in the loop's condition.
            try? await Task.sleep(for: Self.pause)
        }
    }
}
