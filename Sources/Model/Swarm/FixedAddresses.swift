package import Addressing

/// Addresses that a service asks for in a network, as options of its place there: `--network name=app,driver-opt=apus.ip=10.1.0.9`, which the `docker` command
/// sends on (`DriverOpts`); the command `apus` takes `ip=`, too.
extension NetworkAttachmentConfig {
    /// What the service's name is to lead to: its virtual address, or, with `dnsrr`, the address of its only task.
    package static let serviceAddressOption = "apus.ip"
    /// The address of the service's only task.
    package static let taskAddressOption = "apus.task-ip"
    /// Those of them that are known.
    package static let addressOptions: Set<String> = [serviceAddressOption, taskAddressOption]

    /// The texts that are asked for: the service's virtual address and its only task's.
    package func fixedTexts(usesVirtualIPs: Bool) -> (virtual: String?, task: String?) {
        let own = driverOpts?[Self.serviceAddressOption]
        let task = driverOpts?[Self.taskAddressOption]
        return usesVirtualIPs ? (own, task) : (nil, task ?? own)
    }
}

extension ServiceSpec {
    /// The networks that the service names, in either place, each with its options.
    private var namedNetworks: [NetworkAttachmentConfig] {
        let own = taskTemplate.networks ?? []
        return own.isEmpty ? networks ?? [] : own
    }

    private var namesVirtualIPs: Bool { endpointSpec?.mode != .dnsrr }

    /// The virtual address that is asked for in a network, by its id.
    package func fixedVirtualIP(in network: String) -> IPAddress? {
        namedNetworks.first { $0.target == network }?.fixedTexts(usesVirtualIPs: namesVirtualIPs).virtual
            .flatMap { IPAddress($0) }
    }

    /// The address of the only task that is asked for in a network, by its id.
    package func fixedTaskIP(in network: String) -> IPAddress? {
        namedNetworks.first { $0.target == network }?.fixedTexts(usesVirtualIPs: namesVirtualIPs).task
            .flatMap { IPAddress($0) }
    }

    /// All addresses that are asked for: they are kept for the service as long as it is there.
    package var fixedAddresses: [(network: String, address: IPAddress)] {
        namedNetworks.flatMap { config in
            let texts = config.fixedTexts(usesVirtualIPs: namesVirtualIPs)
            return [texts.virtual, texts.task].compactMap { $0.flatMap { IPAddress($0) } }.map { (config.target, $0) }
        }
    }
}
