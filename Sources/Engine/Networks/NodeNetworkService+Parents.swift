import DataPlane
import EngineInterface
import LinuxSystem
import Model

/// Networks of the drivers macvlan and ipvlan.
extension NodeNetworkService {
    /// - Parameter planner: For what they have in common with others: addresses.
    /// - Throws: ``ParentError``, and what the planner does.
    func planOnParent(
        _ request: NetworkRequest, _ planner: LocalNetworkPlanner, id: String
    ) async throws -> LocalNetwork {
        let given = request.options ?? [:]
        let options = try ParentOptions(driver: request.driver, given)
        try Sealing.refuse(given, driver: request.driver)
        let used = AddressPoolRules.split(request.ipam?.config ?? [], by: request.families).used
        if used.count > 1 { throw ParentError.severalSubnets(driver: request.driver) }
        var common = request
        common.options = given.filter { $0.key.hasPrefix("com.docker.network.") }
        for name in common.options?.keys.sorted() ?? [] where name != SwarmNetwork.mtuOption {
            throw NetworkOptionError.unsupported(name)
        }
        var network = try planner.plan(common, id: id, at: .now)
        network.driver = request.driver
        network.options = given
        network.mac = nil
        network.parent = try await parent(for: options, of: network.id)
        return network
    }

    private func parent(for options: ParentOptions, of id: String) async throws -> ParentLink {
        let plane = network.dataPlane
        let kernel = try await plane.kernelFeatures().links
        guard let kind = KernelFeatures.LinkKind(rawValue: options.driver), kernel.contains(kind) else {
            throw ParentError.kernelLacks(options.driver)
        }
        func link(_ name: String, _ origin: ParentLink.Origin) -> ParentLink {
            ParentLink(name: name, origin: origin, mode: options.mode, flag: options.flag)
        }
        guard let name = options.parent else {
            guard kernel.contains(.dummy) else { throw ParentError.kernelLacks("dummy") }
            return link("dm-\(id.prefix(12))", .dummy)
        }
        try options.check(name, beside: networks.all)
        // One that was made for another network stays as long as either is there.
        if let other = networks.all.first(where: { $0.parent?.name == name && $0.parent?.origin != .given })?.parent {
            return link(name, other.origin)
        }
        if try await plane.hasLink(name) { return link(name, .given) }
        let vlan = try ParentOptions.vlan(name)
        guard try await plane.hasLink(vlan.parent) else { throw ParentError.vlanParentNotFound(vlan.parent) }
        guard kernel.contains(.vlan) else { throw ParentError.kernelLacks("vlan") }
        return link(name, .vlan)
    }

    /// - Throws: ``ParentError/notMade(_:)`` when the kernel has refused the link that was to be made for the network.
    func checkParent(of network: LocalNetwork) async throws {
        guard let parent = network.parent, parent.origin != .given else { return }
        guard try await self.network.dataPlane.hasLink(parent.name) else { throw ParentError.notMade(parent.name) }
    }
}
