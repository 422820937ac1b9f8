import Concurrency
import ContainerRuntime
import DataPlane
package import EngineInterface
import Faults
import Images
import LinuxSystem
import LocalStore
import Logging
package import Model
import NameService
import Synchronization

/// One node's engine: its containers, images, networks and volumes, and everything that keeps them as they are to be.
///
/// Each capability that the edges use is an extension in a file of its own. Operations on one container follow one
/// another; those on different containers do not wait for each other.
package final class NodeEngine: Sendable {
    package let configuration: EngineConfiguration
    package let events = EventLog()
    let log: Logger
    let store: LocalStore
    let containers: ContainerTable
    let volumes: Volumes
    let networks: LocalNetworks
    let network: NetworkCoordinator
    let images: ImageStore
    let runtime: ConmonRuntime
    let waiters = ExitWaiters()
    let serializer = KeyedLock<String>()
    let workbench = BackgroundTasks()
    let execs = ExecTable()
    let holders = KeyedCondition<String>()
    /// Running commands, for resizing their terminals.
    let sessions = Mutex<[String: any ExecSession]>([:])
    /// Of the programs that make containers; the one that is taken when nobody says is the first.
    let runtimeVersions: [(name: RuntimeName, version: String)]
    /// One for the whole daemon: each costs 16 ms to close.
    let fileWatcher: FileWatcher
    let paths: EnginePaths
    /// Set once the swarm's part of the node exists.
    let swarm = Mutex<(any SwarmNetworkCatalog)?>(nil)
    let swarmInfo = Mutex<(@Sendable () async -> SwarmInfo)?>(nil)

    init(
        configuration: EngineConfiguration, log: Logger, store: LocalStore, images: ImageStore, runtime: ConmonRuntime,
        fileWatcher: FileWatcher, runtimeVersions: [(name: RuntimeName, version: String)], dataPlane: DataPlane,
        nameServer: NameServer
    ) {
        self.fileWatcher = fileWatcher
        self.runtimeVersions = runtimeVersions
        self.configuration = configuration
        self.images = images
        self.log = log
        self.runtime = runtime
        self.store = store
        paths = EnginePaths(configuration)
        containers = ContainerTable(store: store)
        networks = LocalNetworks(store: store)
        volumes = Volumes(store: store, directory: paths.volumes)
        network = NetworkCoordinator(
            configuration: configuration, log: log, containers: containers, networks: networks, dataPlane: dataPlane,
            nameServer: nameServer, events: events)
    }

    /// Lets the engine answer for the swarm's networks beside its own.
    package func use(swarm catalog: any SwarmNetworkCatalog, info: @escaping @Sendable () async -> SwarmInfo) {
        swarm.withLock { $0 = catalog }
        swarmInfo.withLock { $0 = info }
    }

    var catalog: (any SwarmNetworkCatalog)? { swarm.withLock { $0 } }
}

/// Where the engine keeps its files.
struct EnginePaths: Sendable {
    let root: String
    let run: String

    init(_ configuration: EngineConfiguration) {
        root = configuration.rootDirectory
        run = configuration.runDirectory
    }

    var volumes: String { "\(root)/volumes" }
    var containers: String { "\(root)/containers" }
    var database: String { "\(root)/engine.db" }
    var images: String { root }
    var bundles: String { "\(run)/containers" }
    /// Parts of volumes on their way into containers.
    var subpaths: String { "\(run)/subpaths" }
    /// What is given to a container: hosts, hostname, resolv.conf; its log.
    func files(of id: String) -> String { "\(containers)/\(id)" }
    func log(of id: String) -> String { "\(containers)/\(id)/log" }
}
