import Concurrency
import ContainerRuntime
import DataPlane
import Faults
import Images
package import LinuxSystem
import LocalStore
package import Logging
import NIOPosix
import NameService

/// Putting a node's engine together from what the machine has.
extension NodeEngine {
    /// Opens the engine: reads what an earlier instance of the daemon has left and takes over what runs.
    /// - Parameter namespace: Whose network is the node's; `nil` is this process' own.
    package static func open(_ configuration: EngineConfiguration, namespace: NetworkNamespace? = nil, log: Logger)
        async throws -> NodeEngine
    {
        let paths = EnginePaths(configuration)
        try await onThread {
            for directory in [paths.root, paths.containers, paths.volumes] {
                // What is in them has the owners and modes of images and containers, programs that run as root among it: nobody of the
                // host may get there. Processes of containers come by mounts.
                try Files.makePrivateDirectory(directory)
            }
            // Clients go through it to the socket; what else is in it is closed by itself.
            try Files.makeDirectories(paths.run, mode: 0o711)
        }
        let store = try await NodeStore.open(paths.database)
        if let aside = store.setAside {
            log.error("the database was damaged and has been set aside", metadata: ["path": "\(aside)"])
        }
        let registry = RegistryConfiguration(
            mirrors: configuration.registryMirrors, insecure: Set(configuration.insecureRegistries))
        let images = try await ImageStore.open(
            root: paths.images, registry: registry, bound: configuration.unpackingBound, log: log)
        let programs = try await onThread { try findPrograms() }
        let group = MultiThreadedEventLoopGroup.singleton
        let runtime = try await onThread {
            try ConmonRuntime(
                root: paths.bundles, programs: programs, host: try HostFacts.read(), group: group, logger: log)
        }
        var versions: [(name: RuntimeName, version: String)] = []
        for name in RuntimeName.allCases {
            guard let path = programs.runtimes[name] else { continue }
            versions.append((name, try await version(of: path, paths.run)))
        }
        let ports = PortReservations(namespace: namespace)
        let engine = NodeEngine(
            Parts(
                configuration: configuration, log: log, store: store, images: images, runtime: runtime,
                fileWatcher: try FileWatcher(), runtimeVersions: versions,
                ports: ports,
                dataPlane: NodeDataPlane(runDirectory: paths.run, nodeNamespace: namespace, ports: ports, log: log),
                nameServer: NameServer(log: log), events: await EventLog.open(paths.events, log: log),
                namespace: namespace))
        engine.report(images.unread)
        try await engine.adopt()
        return engine
    }

    private static func findPrograms() throws -> RuntimePrograms {
        guard let conmon = Processes.find("conmon") else { throw MissingProgram.conmon }
        let runtimes = try RuntimePrograms.installed(in: Cgroups.layout())
        if runtimes.isEmpty { throw MissingProgram.runtime }
        return RuntimePrograms(conmon: conmon, runtimes: runtimes)
    }

    /// The first line of `runc --version`: `runc version 1.1.5…`.
    private static func version(of runtime: String, _ directory: String) async throws -> String {
        let path = "\(directory)/runtime-version"
        return try await onThread {
            let output = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            return try Processes.spawn(
                SpawnRequest(
                    // crun makes its directory even to say this: at /run, unless it is told of another place.
                    executable: runtime, arguments: ["--version"], environment: ["XDG_RUNTIME_DIR=\(directory)"],
                    descriptors: [(from: output.raw, to: 1)]))
        }.wait().code == 0
            ? onThread {
                String((try Files.text(path) ?? "").split(separator: "\n").first?.split(separator: " ").last ?? "")
            }
            : ""
    }
}

/// What this machine lacks for an engine. Read by whoever starts the daemon, so it has a text of its own.
private enum MissingProgram: Fault, CustomStringConvertible {
    case conmon
    case runtime

    var kind: FaultKind { .internalError }

    var description: String {
        switch self {
        case .conmon: "conmon is not installed"
        case .runtime: "neither crun nor runc is installed"
        }
    }
}
