package import Addressing
package import EngineInterface
import HashTreeCollections
package import Model

/// Who holds addresses of networks, for what asks for a certain one. Pure.
package struct AddressHolders {
    private let state: SwarmState

    package init(_ state: SwarmState) { self.state = state }

    /// Who besides a service has an address in a network, or is to have it.
    /// - Parameter service: Its id; `nil` for one that is not there yet.
    package func holder(of address: IPAddress, in network: String, besides service: String?) -> FixedAddressHolder? {
        let named = state.services.lookup.keepers(of: address, in: network).values.map(\.value)
        if let other = named.filter({ $0.id != service }).min(by: { $0.id < $1.id }) {
            return .service(other.spec.name)
        }
        if state.services.lookup.holds(address, in: network) {
            let owner = state.services.shared.first { other in
                other.value.id != service
                    && (other.value.endpoint.virtualIPs ?? []).contains {
                        $0.networkID == network && $0.addr?.address == address
                    }
            }
            if let owner { return .service(owner.value.spec.name) }
        }
        if state.tasks.lookup.holds(address, in: network) {
            let owner = state.sharedTasks(inNetwork: network).filter { task in
                task.value.isLive && task.value.serviceID != service
                    && (task.value.networksAttachments ?? []).contains { attachment in
                        attachment.network.id == network && attachment.addresses.contains { $0.address == address }
                    }
            }.min { $0.value.id < $1.value.id }
            if let owner { return .task(owner.value.id) }
        }
        guard state.ingressNetwork?.id == network, state.nodes.lookup.ingressAddresses.contains(address) else {
            return nil
        }
        return state.nodes.shared.first { $0.value.membership?.ingressAddresses?.contains(address) == true }
            .map { .node($0.value.id) }
    }
}

/// What a service may ask for of addresses. Pure.
package struct FixedAddressRules {
    private let state: SwarmState

    package init(_ state: SwarmState) { self.state = state }

    /// - Parameters:
    ///   - spec: With networks as ids.
    ///   - service: The id of the service that is updated; `nil` for a new one.
    /// - Throws: ``FixedAddressError`` for the first that is not to be had.
    package func check(_ spec: ServiceSpec, of service: String?) throws(FixedAddressError) {
        var seen: Set<[String]> = []
        for config in (spec.taskTemplate.networks ?? []) + (spec.networks ?? []) {
            guard let network = state.networks[config.target] else { continue }
            let (virtual, task) = config.fixedTexts(usesVirtualIPs: spec.endpointSpec?.mode != .dnsrr)
            for text in [virtual, task].compactMap(\.self) {
                let address = try check(text, in: network, of: service)
                guard seen.insert([network.id, address.description]).inserted else {
                    throw .twice(address: address.description, network: network.spec.name)
                }
            }
            guard task != nil else { continue }
            guard !spec.isGlobal, !spec.isJob, spec.replicas <= 1 else {
                throw .severalTasks(network: network.spec.name)
            }
            if spec.updateConfig?.order == "start-first" || spec.rollbackConfig?.order == "start-first" {
                throw .startsFirst(network: network.spec.name)
            }
        }
    }

    private func check(
        _ text: String, in network: SwarmNetwork, of service: String?
    ) throws(FixedAddressError) -> IPAddress {
        let name = network.spec.name
        guard let address = IPAddress(text) else { throw .invalid(text) }
        guard let range = network.addressRanges.first(where: { $0.subnet.contains(address) }) else {
            throw .outside(address: text, network: name)
        }
        guard !range.reserved.contains(address), range.isHost(address) else {
            throw .reserved(address: text, network: name)
        }
        if let holder = AddressHolders(state).holder(of: address, in: network.id, besides: service) {
            throw .taken(address: text, network: name, by: holder)
        }
        return address
    }
}
