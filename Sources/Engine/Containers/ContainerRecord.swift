import Addressing
import Model

/// Everything that the engine keeps of one container; the one owner of each of these facts.
struct ContainerRecord: Codable, Sendable, Identifiable {
    let id: String
    /// Without the leading slash.
    var name: String
    var created: Timestamp
    /// `sha256:…` of the image's configuration.
    var imageID: String
    /// The request's configuration with the image's defaults filled in.
    @Boxed var configuration: ContainerConfiguration
    @Boxed var hostConfig: HostConfiguration
    /// The command line: entry point, then command.
    var commandLine: [String]
    var state = ContainerState()
    var restartCount = 0
    /// A user's stop or kill: the restart policy does not apply until a user's start.
    var isStoppedByUser = false
    /// The container is to be running: set by start, cleared by stop and by an exit that is not followed by a restart.
    var isWanted = false
    var mounts: [MountPoint] = []
    /// Containers on the default bridge that this one is linked to.
    var links: [Link]?
    /// What ``mounts`` do not show of themselves, by their places.
    var mountDetails: [String: MountDetails]?
    /// Network name → wish and, while running, what was allotted.
    var endpoints: [EndpointRecord] = []
    /// Filled while running.
    var publishedPorts: [PublishedPort] = []
    /// Set for a swarm task's container.
    var task: TaskReference?
    /// Its start is under way: networks are joined, the process does not run yet.
    var isStarting = false
    /// Removal has begun and must be brought to its end.
    var isBeingRemoved = false
    /// How its process ended, while that is being settled: the process' own traces go before the rest is done.
    var ending: ProcessEnd?
    /// A user's restart is under way: its end is followed by a start, whatever the policy.
    var isBeingRestarted: Bool?
    /// The engine stopped this task's container because it was unhealthy.
    var endedUnhealthy: Bool?

    struct TaskReference: Codable, Sendable, Equatable {
        var taskID: String
        var serviceID: String
        var serviceName: String
        /// What the mesh sends to this container.
        var ports: [PortConfig]
    }

    struct Link: Codable, Sendable, Equatable {
        var containerID: String
        var alias: String
    }

    /// What is to be known of a mount besides how it is shown.
    struct MountDetails: Codable, Sendable, Equatable {
        /// What is mounted below the source is not there.
        var isShallow = false
        /// What is mounted below it stays writable where it is read-only.
        var leavesSubmountsWritable = false
        /// A kernel that cannot make all of it read-only refuses it.
        var isWhollyReadOnly = false
        /// The directory or file of a volume that is mounted instead of the whole.
        var subpath: String?
    }

    func details(of mount: MountPoint) -> MountDetails { mountDetails?[mount.destination] ?? MountDetails() }

    var shortID: String { String(id.prefix(12)) }
    var isRunning: Bool { state.running }
    var networkMode: String {
        hostConfig.networkMode.isEmpty || hostConfig.networkMode == "default" ? "bridge" : hostConfig.networkMode
    }
    var isOnHostNetwork: Bool { hostConfig.networkMode == "host" }

    /// What events and others tell of the container.
    var eventAttributes: [String: String] {
        var attributes = configuration.labels ?? [:]
        attributes["image"] = configuration.image
        attributes["name"] = name
        return attributes
    }
}

/// A container's place in one network.
struct EndpointRecord: Codable, Sendable, Equatable {
    var networkID: String
    var networkName: String
    var wish: EndpointSettings?
    /// 64 hex digits; empty while the container is not running.
    var endpointID = ""
    /// `eth0`, `eth1`, …
    var interfaceName = ""
    /// With their subnets' prefix lengths.
    var addresses: EndpointAddresses?
    /// Where what leaves the network goes.
    var gateways: HostAddresses?
    /// Given with the addresses; `nil` in records of before that, see ``hardwareAddress``.
    var mac: MACAddress?
    /// Set for an endpoint of a swarm network; its address is the swarm's choice and, for a task, outlives a stop.
    var overlay: Overlay?
    /// The attachment that gives a container outside of services its place on a swarm network, from before it is asked for until the
    /// container leaves: what no record names nobody holds.
    var attachmentID: String?
    /// Added by the engine as a way out, and taken away when the container leaves.
    var isAutomatic: Bool?

    struct Overlay: Codable, Sendable, Equatable {
        var vni: UInt32
        var isInternal: Bool
        var isIngress: Bool
        /// The MTU that the network's creator asked for.
        var mtu: Int?
    }

    var isJoined: Bool { !endpointID.isEmpty }
    /// The one that stands for all where there is room for one.
    var address: IPNetwork? { addresses?.primary }
    var gateway: IPAddress? { gateways?.primary }
    /// The endpoint's MAC; `nil` while it has no address.
    var hardwareAddress: MACAddress? {
        guard let addresses else { return nil }
        return mac ?? requestedMAC ?? MACAddress(defaultFor: addresses.hosts)
    }

    private enum CodingKeys: String, CodingKey {
        case networkID, networkName, wish, endpointID, interfaceName, mac, overlay, attachmentID, isAutomatic
        case addresses = "address"
        case gateways = "gateway"
    }

    mutating func leave() {
        endpointID = ""
        interfaceName = ""
        gateways = nil
        if attachmentID != nil {
            attachmentID = nil
            overlay = nil
        }
        if overlay == nil {
            addresses = nil
            mac = nil
        }
    }
}
