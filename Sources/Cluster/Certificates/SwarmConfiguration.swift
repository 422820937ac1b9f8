import Addressing
package import EngineInterface
package import Model
package import NodeProtocol

/// Where a node's swarm part keeps its things.
package struct SwarmConfiguration: Sendable {
    /// The daemon's root, as `/var/lib/apus`.
    package var rootDirectory: String
    /// As `/run/apus`.
    package var runDirectory: String
    /// etcd without fsync: loses writes when the machine crashes; for labs and tests.
    package var storeWithoutFsync = false
    /// Where managers' members of the store listen for each other, beside the managers' own port.
    package var storePort = SwarmConfiguration.usualStorePort
    static let usualStorePort = 2380
    /// The address, or the interface, that others reach this node at, when `swarm init` and `swarm join` name none.
    package var advertiseAddress = ""
    /// Instead of the swarm's own heartbeat period; for tests.
    package var heartbeat: Duration?
    /// What a manager here asks nodes to understand; others for tests.
    package var capabilities = Capabilities.present
    /// Told what happens in the swarm, on managers, and what of its own part a node cannot read.
    package var publish: @Sendable (EngineEvent) -> Void = { _ in }
    /// The node's log of events: what happens to tasks goes there, on managers what other nodes tell, and managers are told of it.
    package var events: (any EventExchange)?
    /// Who measures the node, for the managers.
    package var pulses: (any PulseSource)?
    /// Where the leader posts alerts, as `http://receiver:9095/hook`; `nil` for nowhere.
    package var alertWebhook: String?
    /// Who keeps what was measured, for the managers' questions.
    package var history: (any HistorySource)?
    /// Tells managers of the node's containers that belong to no task.
    package var standalone: (any StandaloneSource)?
    /// Who answers about the containers of this node's tasks, when managers ask.
    package var containers: TaskContainers?
    /// Decodes facts of networks for several nodes of one process, which the benchmark of swarms has; `nil` for a node by itself.
    package var decodedChanges: DecodedChanges?

    package init(rootDirectory: String, runDirectory: String) {
        self.rootDirectory = rootDirectory
        self.runDirectory = runDirectory
    }

    /// The node's certificate with its key, PEM; renewed in place, and not there while the node is in no swarm.
    package var certificatePath: String { credentials.nodePath }
    var directory: String { rootDirectory + "/swarm" }
    var storeDirectory: String { directory + "/store" }
    /// There while a store is being made anew from this manager's data alone.
    var forcingMark: String { directory + "/force-new-cluster" }
    var credentials: CredentialFiles { CredentialFiles(directory: directory + "/certificates") }

    var joinKey: JoinKey { JoinKey(runDirectory: runDirectory) }

    /// Where others reach this node's member of the store.
    func storeURL(_ membership: Membership) -> String {
        "https://" + HostText.join(membership.advertiseAddress.address, storePort)
    }
}
