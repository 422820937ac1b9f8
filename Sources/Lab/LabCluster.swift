import Addressing
import Concurrency
import Faults
import Glibc
import LinuxSystem

/// A cluster on one machine: nodes with network, mount and UTS namespaces of their own on an underlay bridge, a client
/// outside of it, and an internet host. Every operation can be called in any state; what is done already stays.
package struct LabCluster: Sendable {
    package let paths: LabPaths
    private var daemons: LabDaemons { LabDaemons(paths: paths) }

    /// - Throws: `APIError` for a name that no lab can have, see ``LabPaths``. Whether there is such a lab is not looked at.
    package init(name: String) throws { paths = try LabPaths(name: name) }

    /// How a node is doing.
    package struct NodeStatus: Sendable {
        package let node: LabState.Node
        package let daemonIsRunning: Bool
        /// Its link to the others is down.
        package let isPartitioned: Bool
    }

    /// One operation at a time changes a lab. Where there is none, before or afterwards, no lock stays either.
    private func locked<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try Files.makeDirectories(LabPaths.allRuntime, mode: 0o755)
        guard let lock = try takeLock() else {
            throw APIError(.conflict, "another command is changing lab \"\(paths.name)\"")
        }
        let result: Result<T, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        if !Files.exists(paths.runtime), !Files.exists(paths.data) {
            try Files.remove(paths.lockFile)
            for directory in [LabPaths.allRuntime, LabPaths.allData] where try Files.list(directory).isEmpty {
                // Another lab may just be coming up there: then it is not empty, and stays.
                _ = rmdir(directory)
            }
        }
        _ = consume lock
        return try result.get()
    }

    /// The lock, or `nil` when another command has it. A file that its last holder has removed locks nothing.
    private func takeLock() throws -> Descriptor? {
        guard let lock = try Files.lock(paths.lockFile) else { return nil }
        var held = stat()
        guard fstat(lock.raw, &held) == 0, let named = try Files.status(paths.lockFile), named.st_ino == held.st_ino
        else {
            return nil
        }
        return lock
    }

    /// Builds the lab, starts the daemons and forms the swarm. Fails when it is up already; what was built is removed
    /// when a later step fails, unless `keepsFailures`.
    package func up(_ options: LabOptions, keepsFailures: Bool = false) async throws -> LabState {
        try options.validate()
        return try await locked {
            if Files.exists(paths.runtime) || Files.exists(paths.data) {
                throw APIError(.conflict, "lab \"\(paths.name)\" is up, or something of it is left: take it down first")
            }
            do {
                return try await build(options)
            } catch {
                if !keepsFailures { try await uncancelled { try await remove() } }
                throw error
            }
        }
    }

    private func build(_ options: LabOptions) async throws -> LabState {
        try Files.makeDirectories(paths.runtime, mode: 0o755)
        // Private, so that mount namespaces can be bound here (mount_namespaces(7)).
        try Mounts.tmpfs(at: paths.runtime, options: "mode=755")
        try Mounts.setPropagation(.private, of: paths.runtime)
        try Files.makeDirectories(paths.data, mode: 0o711)
        let underlay = options.underlay
        var state = LabState(
            name: paths.name,
            nodes: (1...options.nodes).map { number in
                LabState.Node(
                    name: "node-\(number)", role: number <= options.managers ? "manager" : "worker",
                    addresses: underlay.node(number), dockerHost: "unix://" + paths.socket("node-\(number)"))
            },
            client: .init(addresses: underlay.client), internet: .init(addresses: underlay.internet), options: options
        )
        try state.write(paths)
        try await LabNetwork.create(
            paths, underlay,
            state.nodes.map { .init(name: $0.name, addresses: $0.addresses, isNode: true) } + [
                .init(name: "client", addresses: underlay.client),
                .init(name: "internet", addresses: underlay.internet),
            ])
        for node in state.nodes {
            try await NodeNamespaces(paths: paths, node: node.name)
                .create(resolvConf: underlay.resolvConf)
        }
        state.helper = try await daemons.startInternet(options)
        try state.write(paths)
        let daemons = daemons
        try await withThrowingTaskGroup(of: (Int, LabProcess).self) { group in
            for (index, node) in state.nodes.enumerated() {
                group.addTask { (index, try await daemons.start(node, options)) }
            }
            for try await (index, process) in group { state.nodes[index].daemon = process }
        }
        try state.write(paths)
        if options.formsSwarm { try await LabSwarm(paths: paths).form(of: state.nodes) }
        return state
    }

    /// Removes everything of the lab, whatever state it is in. Nothing of it there: nothing happens.
    package func down() async throws {
        try await locked { try await remove() }
        guard try LabPaths.names().isEmpty else { return }
        // Where the nodes saw their own data. Not empty where a daemon runs outside of labs: then it stays.
        _ = rmdir(NodeNamespaces.dataMountPoint)
    }

    private func remove() async throws {
        // The state may be missing or unreadable when a lab broke; all processes are found without it.
        if let state = try? LabState.read(paths) {
            for process in state.nodes.compactMap(\.daemon) + [state.helper].compactMap({ $0 }) {
                try await daemons.kill(process)
            }
        }
        try await LabProcesses.killAll(paths)
        for kind in ["mnt", "uts", "net"] {
            let directory = "\(paths.runtime)/namespaces/\(kind)"
            for name in try Files.list(directory) { try await NetworkNamespace(path: "\(directory)/\(name)").remove() }
        }
        try await onThread { [paths] in
            try Mounts.unmountAll(below: paths.data)
            try Mounts.unmountAll(below: paths.runtime, lazily: true)
            try Files.removeTree(paths.runtime)
            try Files.removeTree(paths.data)
            try LabCgroups.remove(paths.cgroup)
        }
    }

    /// What was written down when the lab was made.
    /// - Throws: `.notFound` when no lab of this name is up.
    package func state() throws -> LabState { try LabState.read(paths) }

    /// The same, and how each node is doing now.
    package func status() async throws -> (state: LabState, nodes: [NodeStatus]) {
        let state = try state()
        let cut = try await LabNetwork.disconnected(paths)
        return (
            state,
            state.nodes.map {
                NodeStatus(
                    node: $0, daemonIsRunning: $0.daemon?.isRunning ?? false, isPartitioned: cut.contains($0.name))
            }
        )
    }

    /// Kills a node's daemon with SIGKILL: its containers run on.
    package func kill(_ node: String) async throws {
        try await locked {
            if let process = try state().node(node).daemon { try await daemons.kill(process) }
        }
    }

    /// Starts a node's daemon, after stopping it when it runs.
    /// - Parameter more: Options that the daemon has beside the lab's own, until it is started again.
    package func restart(_ name: String, _ more: [String] = []) async throws {
        try await locked {
            var state = try state()
            let node = try state.node(name)
            if let process = node.daemon { try await daemons.stop(process) }
            let process = try await daemons.start(node, state.options, more)
            for index in state.nodes.indices where state.nodes[index].name == name {
                state.nodes[index].daemon = process
            }
            try state.write(paths)
        }
    }

    /// Cuts a node from the underlay.
    package func partition(_ node: String) async throws {
        try await locked { try await LabNetwork.setConnected(false, try state().node(node).name, paths) }
    }

    /// Connects a node, or all, with the underlay again.
    package func heal(_ node: String?) async throws {
        try await locked {
            let state = try state()
            let names = try node.map { [try state.node($0).name] } ?? state.nodes.map(\.name)
            for name in names { try await LabNetwork.setConnected(true, name, paths) }
        }
    }

    /// Becomes a program inside a member. Returns only by throwing.
    package func execute(_ member: String, _ command: [String]) async throws {
        guard let program = command.first else { throw APIError(.invalidInput, "a command is wanted") }
        let state = try state()
        let paths = paths
        let isHost = member == "client" || member == "internet"
        if !isHost { _ = try state.node(member) }
        let arguments = command
        try await onThread {
            if isHost {
                try paths.network(member).enter()
            } else {
                try NodeNamespaces(paths: paths, node: member).enter()
                try check(chdir("/"), "change to /")
            }
            var pointers = arguments.map { strdup($0) }
            pointers.append(nil)
            // Ends this program's other threads; on success it does not return. execve(2).
            execvp(program, pointers)
            let number = errno
            for pointer in pointers { free(pointer) }
            throw SystemError(errno: number, attempting: "run \(program)")
        }
    }
}
