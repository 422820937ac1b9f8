import Concurrency
import EtcdStore
import LinuxSystem
import Logging
import Model
import StateStore

/// One membership as it is lived: the agent, and a manager's side as long as the node is one.
final class MembershipRuntime: Sendable {
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
    /// The role of the certificate; the agent changes it.
    let role: ObservableValue<NodeRole>
    let agent: Agent
    let log: Logger
    let state = ObservableValue(Progress())
    private let manager: ManagerRole
    private let bootstrap: ManagerRole.Bootstrap?

    init(
        file: MembershipFile, identity: TLSIdentity, role: ObservableValue<NodeRole>, manager: ManagerRole,
        bootstrap: ManagerRole.Bootstrap?, agent: Agent, log: Logger
    ) {
        self.agent = agent
        self.file = file
        self.bootstrap = bootstrap
        self.identity = identity
        self.log = log
        self.manager = manager
        self.role = role
    }

    var isManager: Bool { role.value == .manager }

    /// Runs until ended or cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Only cancellation is thrown: the part ends either way.
                _ = try? await self.state.wait { $0.isEnding ? true : nil }
            }
            tasks.addTask { await self.live() }
            tasks.addTask { await self.act() }
            await tasks.next()
            tasks.cancelAll()
        }
        state.change {
            $0.manager = nil
            $0.hasEnded = true
        }
    }

    /// For a part that nobody runs, or not any more.
    func giveUp() { state.change { $0.hasEnded = true } }

    /// Ends the part and returns when nothing of it runs any more.
    func end() async throws {
        state.change { $0.isEnding = true }
        try await state.wait { $0.hasEnded ? true : nil }
    }

    /// Lives one role after the other.
    private func live() async {
        var bootstrap = bootstrap
        while !Task.isCancelled {
            let present = role.value
            let beginning = bootstrap
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    // Only cancellation is thrown.
                    _ = try? await self.role.wait { $0 != present ? true : nil }
                }
                switch present {
                case .manager: tasks.addTask { await self.manage(bootstrap: beginning) }
                case .worker: tasks.addTask { await self.forgetStore() }
                }
                await tasks.next()
                tasks.cancelAll()
            }
            state.change {
                $0.manager = nil
                $0.failure = nil
            }
            // A swarm is founded once: whoever becomes a manager again joins.
            bootstrap = nil
        }
    }

    private func manage(bootstrap: ManagerRole.Bootstrap?) async {
        var bootstrap = bootstrap
        var wasRemoved = false
        var lacksSecret = false
        let hasBegun = ObservableValue(false)
        while !Task.isCancelled {
            do {
                let beginning = try await StoreJoiner(role: manager).prepare(
                    isBootstrap: bootstrap != nil, wasRemoved: wasRemoved, lacksSecret: lacksSecret)
                wasRemoved = false
                lacksSecret = false
                try await manager.run(from: beginning, bootstrap: bootstrap) { manager in
                    hasBegun.set(true)
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
                if (error as? EtcdError)?.code == .removed { wasRemoved = true }
                if (error as? StateStoreError)?.code == .sealed { lacksSecret = true }
                log.error("the manager's side failed, trying again", metadata: ["error": "\(error)"])
            }
            // A swarm is founded once.
            if hasBegun.value { bootstrap = nil }
            // Cancellation shows in the loop's condition.
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Ends the store's process and deletes its data: a worker has none. Again until it has worked.
    private func forgetStore() async {
        while !Task.isCancelled {
            do {
                try await manager.forgetStore()
                // Until the role changes.
                _ = try await role.wait { $0 != .worker ? true : nil }
            } catch {
                guard !Task.isCancelled else { return }
                log.error("what is left of the manager's store could not be removed", metadata: ["error": "\(error)"])
                // Cancellation shows in the loop's condition.
                try? await Task.sleep(for: Self.pause)
            }
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

extension ManagerRole {
    func forgetStore() async throws {
        try await Self.supervisor(configuration, file.value, log: log).stop()
        let directory = configuration.storeDirectory
        try await onThread { try Files.removeTree(directory) }
        try await sealing.forget()
    }
}
