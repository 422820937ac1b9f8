import Addressing
import EngineInterface
import Model

/// How a container's record is shown: rows of a list, and the whole of an inspect. Pure.
struct ContainerViews {
    var now: Timestamp
    /// Where the engine keeps a container's files.
    var directory: (String) -> String
    var logPath: (String) -> String
    var sandboxPath: (String) -> String
    /// The ids of `host` and `none`, by name.
    var plainNetworks: [String: String] = [:]

    func summary(_ record: ContainerRecord) -> ContainerSummary {
        var row = ContainerSummary(
            networkMode: record.networkMode,
            networks: networks(record))
        row.identifier = record.id
        row.names = ["/" + record.name]
        row.image = record.configuration.image
        row.imageID = record.imageID
        row.command = record.commandLine.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
        row.created = record.created.seconds
        row.labels = record.configuration.labels ?? [:]
        row.state = record.phase.status
        row.status = StatusText.of(record.state, now: now)
        row.mounts = Self.mounts(record)
        row.ports = ports(record)
        return row
    }

    private func ports(_ record: ContainerRecord) -> [PortSummary] {
        guard record.isRunning else { return [] }
        var rows: [PortSummary] = []
        let all = record.publishedPorts.flatMap(\.single)
        for port in all {
            rows.append(
                PortSummary(
                    ip: port.calledAddress.description, privatePort: Int(clamping: port.containerPort),
                    publicPort: port.isRouted == true ? nil : Int(clamping: port.hostPort),
                    type: port.transport.rawValue))
        }
        let published = Set(all.map(\.key))
        for text in (record.configuration.singlePorts ?? [:]).keys.sorted() {
            guard let key = PortKey(text), !published.contains(key.description) else { continue }
            rows.append(PortSummary(privatePort: Int(clamping: key.port), type: key.transport.rawValue))
        }
        return rows
    }

    func inspection(_ record: ContainerRecord, execIDs: [String]) -> ContainerInspection {
        var view = ContainerInspection()
        view.identifier = record.id
        view.created = record.created
        view.path = record.commandLine.first ?? ""
        view.args = Array(record.commandLine.dropFirst())
        view.state = record.state
        view.image = record.imageID
        let files = directory(record.id)
        view.resolvConfPath = "\(files)/resolv.conf"
        view.hostnamePath = "\(files)/hostname"
        view.hostsPath = "\(files)/hosts"
        view.logPath = logPath(record.id)
        view.name = "/" + record.name
        view.restartCount = record.restartCount
        view.execIDs = execIDs.isEmpty ? nil : execIDs
        view.hostConfig = record.hostConfig
        view.hostConfig.portBindings = record.hostConfig.singleBindings
        for name in view.hostConfig.logConfig.config.keys where Self.isSecret(name) {
            view.hostConfig.logConfig.config[name] = ""
        }
        view.hostConfig.networkMode = record.networkMode
        // Docker shows here those on the default bridge alone, by whole names: programs take them apart at the slash. The others are the endpoint's.
        if record.links == nil { view.hostConfig.links = nil }
        view.mounts = Self.mounts(record)
        view.config = record.configuration
        view.config.exposedPorts = record.configuration.singlePorts
        if record.configuration.macAddress?.isEmpty != false { view.config.macAddress = Self.chosenMAC(record) }
        view.networkSettings = settings(record)
        return view
    }

    /// As they were asked for, without what the engine keeps in their modes: options of file systems in memory, and that nothing is copied into a
    /// volume. What `--tmpfs` asks for is not among them, as in Docker, which shows it in the host's configuration alone.
    private static func mounts(_ record: ContainerRecord) -> [MountPoint] {
        let inMemory = Set((record.hostConfig.tmpfs ?? [:]).keys.map(MountPlan.clean))
        return record.mounts.compactMap { mount in
            var shown = mount
            switch mount.type {
            case "tmpfs":
                if inMemory.contains(mount.destination) { return nil }
                shown.mode = ""
            case "volume":
                if mount.mode.hasSuffix(ContainerFactory.uncopied) {
                    shown.mode = String(mount.mode.dropLast(ContainerFactory.uncopied.count))
                }
            default: break
            }
            return shown
        }
    }

    /// The address that was asked for on the network that the container was made with: programs made for API 1.43 and before look for it beside
    /// the hostname, where Docker goes on to show it.
    private static func chosenMAC(_ record: ContainerRecord) -> String? {
        let mode = record.networkMode
        let own = record.endpoints.first { [$0.networkName, $0.networkID].contains(mode) }
        let chosen = own?.requested?.macAddress ?? ""
        return chosen.isEmpty ? nil : chosen
    }

    /// An option of a log driver whose value nobody is shown.
    static func isSecret(_ option: String) -> Bool {
        ["-token", "-password", "-shared-key", "-secret-key"].contains { option.hasSuffix($0) }
    }

    private func settings(_ record: ContainerRecord) -> NetworkSettings {
        var settings = NetworkSettings()
        settings.networks = networks(record)
        if record.isRunning, !record.isOnHostNetwork, record.networkOwner == nil {
            settings.sandboxID = record.id
            settings.sandboxKey = sandboxPath(record.id)
            var published: [String: [PortBinding]] = [:]
            for port in record.publishedPorts.flatMap(\.single) {
                published[port.key, default: []].append(
                    PortBinding(
                        hostIp: port.calledAddress.description,
                        hostPort: port.isRouted == true ? "" : String(port.hostPort)))
            }
            for text in (record.configuration.singlePorts ?? [:]).keys {
                guard let key = PortKey(text) else { continue }
                settings.ports.updateValue(published[key.description], forKey: key.description)
            }
        }
        if record.isOnHostNetwork, let run = record.phase.run, run.pid > 0 {
            // There is no sandbox, and no file of one: where its processes are is the node's network.
            settings.sandboxID = record.id
            settings.sandboxKey = "/proc/\(run.pid)/ns/net"
        }
        if let bridge = settings.networks["bridge"] {
            settings.endpointID = bridge.endpointID
            settings.gateway = bridge.gateway
            settings.ipAddress = bridge.ipAddress
            settings.ipPrefixLen = bridge.ipPrefixLen
            settings.macAddress = bridge.macAddress
            settings.iPv6Gateway = bridge.iPv6Gateway
            settings.globalIPv6Address = bridge.globalIPv6Address
            settings.globalIPv6PrefixLen = bridge.globalIPv6PrefixLen
        }
        return settings
    }

    func networks(_ record: ContainerRecord) -> [String: EndpointSettings] {
        var result: [String: EndpointSettings] = [:]
        for endpoint in record.endpoints where endpoint.networkName != LocalNetwork.gatewayBridgeName {
            var settings = endpoint.requested ?? EndpointSettings()
            settings.networkID = endpoint.networkID
            settings.endpointID = endpoint.endpointID
            settings.macAddress = endpoint.requested?.macAddress ?? ""
            if endpoint.isJoined, let addresses = endpoint.addresses {
                if let address = addresses.v4 {
                    settings.ipAddress = address.address.description
                    settings.ipPrefixLen = address.prefixLength
                    settings.gateway = endpoint.gateways?.v4?.description ?? ""
                }
                if let address = addresses.v6 {
                    settings.globalIPv6Address = address.address.description
                    settings.globalIPv6PrefixLen = address.prefixLength
                    settings.iPv6Gateway = endpoint.gateways?.v6?.description ?? ""
                }
                settings.macAddress = endpoint.shownMAC?.description ?? ""
                if endpoint.networkName != "bridge" {
                    settings.dnsNames = NameTableComposer.shownNames(of: record, endpoint)
                }
            }
            result[endpoint.networkName] = settings
        }
        if let name = record.plainNetwork {
            var settings = EndpointSettings()
            settings.networkID = plainNetworks[name] ?? ""
            if record.isUp {
                settings.endpointID = PlaceID.derived(from: record.id, on: settings.networkID)
            }
            result[name] = settings
        }
        return result
    }
}
