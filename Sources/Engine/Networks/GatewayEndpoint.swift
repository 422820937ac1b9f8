import Addressing
import Model

extension NetworkMember {
    /// The endpoint through which a container reaches the outside in a family: of the node's networks the one with the highest priority, internal ones
    /// never; `nil` when there is none.
    /// - Parameter network: The network with an id, as far as it is there.
    func gatewayEndpoint(
        _ family: IPFamily, network: (String) -> LocalNetwork?, where isMeant: (LocalNetwork) -> Bool = { _ in true }
    ) -> EndpointRecord? {
        if family == .v6, disablesIPv6 { return nil }
        let open = endpoints.filter { endpoint in
            endpoint.isJoined && endpoint.overlay == nil && endpoint.gateways?[family] != nil
                && endpoint.addresses?.hosts[family] != nil
                && network(endpoint.networkID).map { !$0.isClosed && isMeant($0) } == true
        }
        return open.min { left, right in
            let priorities = (left.requested?.gwPriority ?? 0, right.requested?.gwPriority ?? 0)
            return priorities.0 != priorities.1 ? priorities.0 > priorities.1 : left.networkName < right.networkName
        }
    }
}

extension LocalNetwork {
    /// Whether there is a bridge of it on the node.
    var isBridge: Bool { driver == "bridge" && bridgeAddresses != nil }
}
