import EngineInterface
import Model

extension NetworkError: MessageConvertible {
    var message: String {
        switch self {
        case .notFound(let reference):
            "network \(reference) not found"
        case .ambiguousName(let reference, let matches):
            "network \(reference) is ambiguous (\(matches) matches found based on name)"
        case .ambiguousPrefix(let reference, let matches):
            "network \(reference) is ambiguous (\(matches) matches found based on ID prefix)"
        case .emptyName:
            "network name cannot be empty"
        case .nameTaken(let name):
            "network with name \(name) already exists"
        case .unknownDriver(let name):
            "plugin \"\(name)\" not found"
        case .onlyInstance(let driver):
            "only one instance of \"\(driver)\" network is allowed"
        case .localOverlay:
            "cannot downgrade network scope for overlay networks"
        case .ingressNotOverlay:
            "Ingress network can only be of overlay type"
        case .longBridgeName(let name):
            "invalid bridge name \(name): longer than 15 characters"
        case .bridgeNameTaken:
            "networks have same bridge name"
        case .noFamily:
            "IPv4 or IPv6 must be enabled"
        case .severalSubnets:
            "bridge driver doesn't support multiple subnets"
        case .predefined(let name):
            "\(name) is a pre-defined network and cannot be removed"
        case .reservedName(let name):
            // Docker's text ends with the space.
            "operation is not permitted on predefined \(name) network "
        case .inUse(let name, let id):
            "error while removing network: network \(name) id \(id) has active endpoints"
        }
    }
}

extension EndpointError: MessageConvertible {
    var message: String {
        switch self {
        case .networkNotFound(let reference):
            "network \(reference) not found"
        case .addressOnDefaultNetwork:
            "user specified IP address is supported on user defined networks only"
        case .addressWithoutChosenSubnet:
            "user specified IP address is supported only when connecting to networks with user configured subnets"
        case .interfaceTaken(let name):
            "interface name \(name) is already in use by another network of the container"
        case .alreadyConnected(let container, let network):
            "endpoint with name \(container) already exists in network \(network)"
        case .notConnected(let container, let network):
            "container \(container) is not connected to network \(network)"
        case .belongsToTask(let container):
            "container \(container) is a task's: its networks are its service's to change"
        case .hostNetwork:
            "container cannot be disconnected from host network or connected to host network"
        case .sharedNetwork:
            "container sharing network namespace with another container or host cannot be connected to any other network"
        case .noneNetwork:
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        case .attachedNetworkUnknown(let network, let cause):
            "Could not attach to network \(network): rpc error: code = NotFound desc = \(cause.message)"
        case .networkNotAttachable(let network):
            "Could not attach to network \(network): rpc error: code = PermissionDenied desc = network \(network) not manually attachable"
        case .encryptionImpossible(let network, let reason):
            "this node cannot encrypt what network \(network) sends: \(reason)"
        case .portInSealedNetwork(let network):
            "network \(network) is sealed (apus.sealed): a container that no other network leads out of cannot publish ports"
        case .networkNotAllocated(let network):
            "network \(network) has not been allocated"
        case .invalidAddress(let text):
            "invalid IPv4 address: \(text)"
        case .invalidAddress6(let text):
            "invalid IPv6 address: \(text)"
        case .addressOutside(let text):
            "Invalid address \(text): It does not belong to any of this network's subnets"
        case .addressTaken:
            "Address already in use"
        case .addressesExhausted(let network, let id):
            "no available IPv4 addresses on this network's address pools: \(network) (\(id))"
        case .addresses6Exhausted(let network, let id):
            "no available IPv6 addresses on this network's address pools: \(network) (\(id))"
        case .conflictingRoute(let address, let route):
            "cannot program address \(address) in sandbox interface because it conflicts with existing route \(route)"
        }
    }
}

extension EndpointOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidAddress(let text):
            "invalid endpoint settings:\ninvalid IPv4 address: \(text)"
        case .invalidAddress6(let text):
            "invalid endpoint settings:\ninvalid IPv6 address: \(text)"
        case .invalidMAC(let text):
            "invalid MAC address \(text)"
        case .conflictingMAC:
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty"
        case .invalidInterfaceName(let name):
            "invalid endpoint settings:\ninvalid interface name \"\(name)\""
        case .invalidParameter(let text):
            "invalid endpoint settings:\nunrecognised network interface sysctl '\(text)'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
        case .aliasOnDefaultNetwork:
            "invalid endpoint settings:\nnetwork-scoped alias is supported only for containers in user defined networks"
        case .unsupported(let option):
            "the endpoint's driver option \(option) is not implemented by apus"
        case .emptyLink:
            "empty string specified for links"
        case .invalidLink(let text):
            "bad format for links: \(text)"
        }
    }
}

extension PoolError: MessageConvertible {
    var message: String {
        switch self {
        case .overlaps:
            "Pool overlaps with other one on this address space"
        case .malformed(let faults):
            "invalid network config:\n"
                + (faults.count == 1 ? "" : "* ") + faults.map(\.message).joined(separator: "\n* ")
        case .invalidSubnet(let text):
            "Invalid subnet \(text) : invalid CIDR address: \(text)"
        case .unusedFamily(let text):
            "Invalid subnet \(text) : the network has no addresses of this family"
        case .smallSubnet(let text):
            "Invalid subnet \(text) : too small for a network"
        case .invalidRange(let text):
            "Invalid ip-range \(text) : invalid CIDR address: \(text)"
        case .rangeOutside(let text):
            "no matching subnet for range \(text)"
        case .invalidAddress(let field, let text):
            "invalid \(field) address: \(text)"
        case .addressOutside(let field, let text):
            "no matching subnet for \(field) \(text)"
        case .addressReserved(let field, let text):
            "\(field) \(text) is the subnet's own or its broadcast address"
        case .auxiliaryTaken(let name, let address):
            "failed to allocate secondary ip address (\(name):\(address)): Address already in use"
        case .exhausted:
            "all predefined address pools have been fully subnetted"
        }
    }
}

extension NetworkOptionError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidMTU(let text, let range):
            "invalid MTU: \(text) is not a number from \(range.lowerBound) to \(range.upperBound)"
        case .neitherOnNorOff(let option, let value):
            "invalid value of network option \(option): \(value) is neither on nor off"
        case .notTruth(let option):
            "driver-opt \"\(option)\" is not a valid bool"
        case .unreadable(let option, let value, let reason):
            "failed to parse \(option) value: \(value) (\(reason))"
        case .isolatedOutside:
            "gateway mode 'isolated' can only be used for an internal network"
        case .internalOnly(let option):
            "network option \(option) can only be used for an internal network"
        case .notOfDriver(let option, let driver):
            "network option \(option) means nothing to the driver \(driver)"
        case .unsupported(let option):
            "network option \(option) is not implemented by apus"
        }
    }
}
