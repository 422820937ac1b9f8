import Addressing
import EngineInterface
import Faults
import Model

/// Turns a swarm task into the create request of its container, and its attachments into endpoints. Pure.
struct TaskContainer {
    let task: SwarmTask
    let nodeID: String
    /// The node that the task runs on, for placeholders in the specification.
    var machine = Machine()
    /// The node's own addresses, by the names of their links: where ports of the node may be published.
    var nodeAddresses: [String: [IPAddress]] = [:]
    /// In which the task has a bridge of the node that ports lead through.
    var families: Set<IPFamily> = [.v4]

    private var template: ServiceTemplate {
        ServiceTemplate(
            task: task, nodeID: nodeID, hostname: machine.hostname,
            platform: NodeDescription.Platform(architecture: machine.architecture, system: "linux"))
    }

    /// Labels by which clients know a task's container. Source: Docker's.
    static let taskLabel = "com.docker.swarm.task.id"

    /// - Throws: ``TaskError/notContainer``, ``UnsupportedError`` for what a task asks and Apus does not do; ``PrivilegeError``.
    func request() throws -> ContainerCreateRequest {
        guard let spec = task.spec.containerSpec else {
            throw TaskError.notContainer
        }
        try refuseUnsupported(spec)
        var request = ContainerCreateRequest()
        request.configuration = configuration(spec)
        request.hostConfig = try host(spec)
        request.hostConfig.portBindings = try hostPorts()
        if let own = ownNetwork, let options = own.linkOptions {
            var settings = EndpointSettings()
            settings.driverOpts = options
            request.networkingConfig = NetworkingConfiguration()
            request.networkingConfig?.endpointsConfig = [own.target: settings]
        }
        return request
    }

    /// The service's place on a network that every node has of its own; where it has one it has no other.
    private var ownNetwork: NetworkAttachmentConfig? { task.spec.networks?.first { $0.predefined != nil } }

    private func refuseUnsupported(_ spec: ContainerSpec) throws(UnsupportedError) {
        if !(spec.secrets ?? []).isEmpty { throw UnsupportedError.features("secrets") }
        if !(spec.configs ?? []).isEmpty { throw UnsupportedError.features("configs") }
    }

    private func configuration(_ spec: ContainerSpec) -> ContainerConfiguration {
        var configuration = ContainerConfiguration()
        configuration.image = spec.image
        if let command = spec.command, !command.isEmpty { configuration.entrypoint = StringList(command) }
        if let args = spec.args, !args.isEmpty { configuration.cmd = StringList(args) }
        configuration.hostname = template.expand(spec.hostname ?? "")
        configuration.env = (spec.env ?? []).map(template.expand)
        configuration.workingDir = spec.dir ?? ""
        configuration.user = spec.user ?? ""
        configuration.tty = spec.terminal ?? false
        configuration.openStdin = spec.openStdin ?? false
        configuration.stopSignal = spec.stopSignal
        configuration.healthcheck = spec.healthcheck
        var labels = spec.labels ?? [:]
        labels["com.docker.swarm.node.id"] = nodeID
        labels["com.docker.swarm.service.id"] = task.serviceID
        labels["com.docker.swarm.service.name"] = task.assignment?.serviceName ?? ""
        labels["com.docker.swarm.task"] = ""
        labels[Self.taskLabel] = task.id
        labels["com.docker.swarm.task.name"] = task.containerName
        configuration.labels = labels
        return configuration
    }

    private func host(_ spec: ContainerSpec) throws -> HostConfiguration {
        var host = HostConfiguration()
        host.mounts = spec.mounts?.map { $0.expanded(by: template) }
        let privileges = try ServicePrivileges(spec.privileges)
        host.securityOpt =
            (privileges.noNewPrivileges ? ["no-new-privileges"] : [])
            + (privileges.seccomp.map { ["seccomp=\($0)"] } ?? [])
        host.readonlyRootfs = spec.readOnly ?? false
        host.extraHosts = (spec.hosts ?? []).compactMap { line in
            // The swarm writes them as in /etc/hosts: address, then name.
            let words = line.split(separator: " ").map(String.init)
            return words.count >= 2 ? "\(words[1]):\(words[0])" : nil
        }
        host.nameServers = spec.dnsConfig?.nameservers
        host.nameSearch = spec.dnsConfig?.search
        host.nameServerOptions = spec.dnsConfig?.options
        host.groupAdd = spec.groups
        host.`init` = spec.`init`
        host.sysctls = spec.sysctls
        host.capAdd = spec.capabilityAdd.map { StringList($0) }
        host.capDrop = spec.capabilityDrop.map { StringList($0) }
        host.ulimits = spec.ulimits
        host.oomScoreAdj = spec.oomScoreAdj ?? 0
        if let limits = task.spec.resources?.limits {
            host.memory = limits.memoryBytes
            host.nanoCpus = limits.nanoCPUs
            host.pidsLimit = limits.pids > 0 ? limits.pids : nil
        }
        host.memoryReservation = task.spec.resources?.reservations?.memoryBytes ?? 0
        if let driver = task.spec.logDriver ?? task.assignment?.logDriver, !driver.name.isEmpty {
            host.logConfig.type = driver.name
            host.logConfig.config = driver.options ?? [:]
        }
        // Else the networks of the swarm say it, or the default bridge does.
        if let own = ownNetwork { host.networkMode = own.target }
        return host
    }

    /// Ports of the node itself; those of the mesh need nothing of the container.
    private func hostPorts() throws(TaskError) -> [String: [PortBinding]?] {
        var bindings: [String: [PortBinding]?] = [:]
        for row in task.assignment?.ports ?? [] where !row.isOnMesh {
            let addresses = try addresses(of: row)
            for port in row.single {
                let key = "\(port.targetPort)/\(port.protocol ?? "tcp")"
                let number = (port.publishedPort ?? 0) == 0 ? "" : String(port.publishedPort ?? 0)
                let own = addresses.map { PortBinding(hostIp: $0, hostPort: number) }
                bindings[key] = (bindings[key]?.flatMap { $0 } ?? []) + own
            }
        }
        return bindings
    }

    private var publishesOnNode: Bool { task.assignment?.ports.contains { !$0.isOnMesh } == true }

    /// This node's addresses at which a port is published; an empty text for all.
    private func addresses(of port: PortConfig) throws(TaskError) -> [String] {
        guard let reach = port.reach, !reach.isEverywhere else { return [""] }
        let places = reach.addresses.filter { families.contains($0.family) }
        // All of a family.
        var found = Set(places.filter { $0.prefixLength == 0 }.map { IPAddress.unspecified($0.family) })
        for (link, addresses) in nodeAddresses {
            for address in addresses where families.contains(address.family) && address.isCalledFromElsewhere {
                if found.contains(.unspecified(address.family)) { continue }
                if reach.links.contains(link) || places.contains(where: { $0.contains(address) }) {
                    found.insert(address)
                }
            }
        }
        // Every address of IPv4's loopback is the node's; nothing is led on from IPv6's.
        found.formUnion(places.filter { $0.isSingle && $0.family == .v4 && $0.address.isLoopback }.map(\.address))
        if found.isEmpty { throw TaskError.addressMissing(port.publishedOn ?? []) }
        return found.sorted().map(\.description)
    }

    /// Endpoints on the swarm's networks, then on `docker_gwbridge` unless all of them are internal, or a network that this node makes by itself leads
    /// outside, or one is sealed and none leads outside; `nil` for a task with no network of the swarm, which goes on the default bridge.
    /// - Parameter openNodeLocal: Networks that the node makes by itself and that lead outside, by id.
    func endpoints(
        gatewayBridgeID: String?, openNodeLocal: Set<String> = []
    ) throws -> [EndpointRecord]? {
        let attachments = task.networksAttachments ?? []
        guard !attachments.isEmpty else { return nil }
        var endpoints: [EndpointRecord] = []
        for attachment in attachments {
            var endpoint = try EndpointRecord(attachment)
            var requested = EndpointSettings()
            requested.aliases = attachment.aliases
            requested.driverOpts = attachment.driverOpts
            requested.ipamConfig = EndpointSettings.AddressRequest()
            requested.ipamConfig?.iPv4Address = endpoint.addresses?.v4?.address.description
            endpoint.requested = requested
            endpoints.append(endpoint)
        }
        // Application networks before ingress: eth0 is what the application knows itself by.
        endpoints.sort {
            ($0.overlay?.isIngress == true ? 1 : 0, $0.networkName) < (
                $1.overlay?.isIngress == true ? 1 : 0, $1.networkName
            )
        }
        let hasOwnWay = endpoints.contains { $0.overlay == nil && openNodeLocal.contains($0.networkID) }
        let overlays = endpoints.compactMap(\.overlay)
        let publishes = publishesOnNode || overlays.contains(where: \.isIngress)
        let needsWay = !hasOwnWay && overlays.contains(where: \.leadsOutside)
        if needsWay || publishes && !overlays.areSealed, let gatewayBridgeID {
            endpoints.append(EndpointRecord(networkID: gatewayBridgeID, networkName: LocalNetwork.gatewayBridgeName))
        }
        return endpoints
    }
}

extension IPAddress {
    /// What an address of the node has that a port of it may be published at: packets to IPv6's loopback and link-local ones are not led on.
    fileprivate var isCalledFromElsewhere: Bool { v6.map { !$0.isLoopback && !$0.isLinkLocal } ?? true }
}
