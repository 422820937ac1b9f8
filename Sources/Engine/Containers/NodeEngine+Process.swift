import Concurrency
import ContainerRuntime
import DataPlane
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Logs
import Model

/// The engine's dealings with the runtime: one container's process from creation to its last trace.
extension NodeEngine {
    /// Joins the container's networks while its process is created, starts it when both are done, and says its pid.
    func launch(_ record: ContainerRecord) async throws -> Int {
        let root = try await rootDirectory(of: record)
        let user = try await user(
            record.configuration.user, additional: record.hostConfig.groupAdd ?? [], in: record)
        let holder = try networkHolder(of: record)
        let sandbox = holder.isOnHostNetwork ? nil : network.dataPlane.sandboxNamespace(holder.id).path
        var mapping = SpecificationMapping(
            record: record, root: root, files: paths.files(of: holder.id), sandbox: sandbox, user: user,
            processNamespace: try processNamespace(of: record),
            initProgram: record.hostConfig.`init` == true ? try Self.initProgram() : nil)
        let log = LogSegments(path: paths.log(of: record.id))
        let bounds = record.hasLog ? try LogOptions(record.hostConfig.logConfig) : nil
        var logBytes: Int64?
        if let bounds {
            logBytes = try await onThread {
                // A monitor that was killed may have left a line without its end.
                try log.mend()
                return try log.settle(limit: bounds.size, count: bounds.count)
            }
            try watchLog(of: record)
        }
        // The runtime needs the namespace's file only; what is in it must be ready when the process starts.
        try await network.prepare(record)
        async let joined: Void = network.join(record.id)
        mapping.linkVariables = try linkedContainers(of: record).flatMap(\.environment)
        let program = try ContainerPlanner.runtime(record.hostConfig.runtime, default: defaultRuntime)
        let parts = record.mounts.compactMap { mount in
            record.details(of: mount).subpath.map { (mount.destination, mount.source, $0) }
        }
        let created = try await SubpathMounts(directory: paths.subpaths).with(parts, of: record.id) { sources in
            mapping.sources = sources
            return try await runtime.create(
                CreateRequest(
                    specification: try mapping.specification(), logPath: bounds == nil ? nil : log.path,
                    logBytes: logBytes, runtime: program))
        }
        for warning in created.warnings {
            self.log.warning(
                "a container does not get all it asks for",
                metadata: ["container": "\(record.shortID)", "warning": "\(warning)"])
        }
        // Before anything is written: the file has its second name from its beginning.
        if let bounds { _ = try await onThread { try log.takeUp(count: bounds.count) } }
        try await joined
        if holder.id == record.id { try await applyEndpointParameters(record) }
        try await runtime.start(record.id)
        return Int(clamping: created.pid)
    }

    /// Who that is in the container's own files.
    func user(_ text: String, additional groups: [String] = [], in record: ContainerRecord) async throws
        -> ContainerUser
    {
        let root = try await rootDirectory(of: record)
        return try await onThread { try UserResolver(rootDirectory: root).resolve(text, additional: groups) }
    }

    /// The program that is process 1 of containers with `--init`, if there is one: statically linked, as it is bound into them.
    static var installedInit: String? {
        ["docker-init", "tini-static", "catatonit"].lazy.compactMap(Processes.find).first
    }

    private static func initProgram() throws -> String {
        if let path = installedInit { return path }
        throw APIError(
            .unavailable,
            "exec: \"docker-init\": executable file not found in $PATH: --init needs Debian's package tini on this node"
        )
    }

    /// Returns when the container has ended.
    func processEnd(_ id: String) async throws -> ProcessEnd {
        if let known = containers.record(id)?.ending { return known }
        let exit = try await runtime.waitForExit(id)
        if exit.monitorWasLost {
            log.warning("a container lost its monitor and was stopped", metadata: ["container": "\(id)"])
        }
        return ProcessEnd(code: exit.code, wasOutOfMemory: exit.outOfMemory)
    }

    /// Kills what is left of the process and removes its traces; nothing there is fine.
    func discardProcess(_ id: String) async throws { try await runtime.delete(id) }

    /// Sends a signal. A paused container goes on then, as Docker has it: a frozen process takes none.
    func send(_ signal: Int32, to id: String) async throws {
        do {
            try await runtime.kill(id, signal: signal, all: false)
            guard let record = containers.record(id), record.state.paused else { return }
            try await setPaused(false, id)
            let thawed = try await containers.update(id) { record in
                // It may have ended meanwhile, and been settled.
                guard record.isUp else { return }
                record.state.paused = false
                record.state.status = "running"
            }
            events.publish("container", "unpause", id, thawed.eventAttributes)
        } catch let error as RuntimeError where error.code == .wrongState || error.code == .noSuchContainer {
            // It has ended by itself meanwhile: its end is under way to whoever waits for it.
            log.debug("a signal came too late", metadata: ["container": "\(id)", "signal": "\(signal)"])
        }
    }

    func setPaused(_ isPaused: Bool, _ id: String) async throws {
        if isPaused { try await runtime.pause(id) } else { try await runtime.unpause(id) }
    }

    /// Takes over a process of an earlier life of the daemon.
    /// - Returns: Whether there is one: running, or ended with an exit code that ``processEnd(_:)`` will tell.
    func takeOver(_ record: ContainerRecord) async throws -> Bool {
        try watchLog(of: record)
        switch try await runtime.adopt(record.id) {
        case .running, .paused:
            let options = try LogOptions(record.hostConfig.logConfig)
            if record.hasLog { workbench.begin { await self.takeUpLog(of: record.id, options) } }
            return true
        case .absent where record.ending != nil, .exited:
            // The number may be another process's by now.
            try await containers.update(record.id) { $0.state.pid = 0 }
            return true
        case .created, .absent:
            try await containers.update(record.id) { record in
                record.state.running = false
                record.state.pid = 0
                record.state.exitCode = 255
                record.state.status = "exited"
                record.state.finishedAt = .now
                for index in record.endpoints.indices { record.endpoints[index].leave() }
                record.publishedPorts = []
            }
            return false
        }
    }

    func sweepProcesses(keeping wanted: Set<String>) async throws {
        for id in try await runtime.sweep(keeping: wanted) {
            log.info("removed what an earlier daemon had left of a container", metadata: ["container": "\(id)"])
        }
    }

    /// Docker's exit code for a container that could not be started.
    func startExitCode(_ error: any Error) -> Int { (error as? RuntimeError)?.exitCode ?? 128 }
}
