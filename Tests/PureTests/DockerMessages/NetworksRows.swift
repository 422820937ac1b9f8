import Addressing
import EngineInterface
import Faults
import Model

@testable import DockerMessages

extension SentenceTests {
    static let networks: [Row] = [
        Row(NetworkError.notFound("reference"), .notFound, "network reference not found"),
        Row(
            NetworkError.ambiguousName(reference: "reference", matches: 2), .invalidInput,
            "network reference is ambiguous (2 matches found based on name)"),
        Row(
            NetworkError.ambiguousPrefix(reference: "reference", matches: 3), .invalidInput,
            "network reference is ambiguous (3 matches found based on ID prefix)"),
        Row(NetworkError.emptyName, .invalidInput, "network name cannot be empty"),
        Row(NetworkError.nameTaken("name"), .conflict, "network with name name already exists"),
        Row(NetworkError.unknownDriver("name"), .notFound, "plugin \"name\" not found"),
        Row(
            NetworkError.onlyInstance(driver: "driver"), .forbidden,
            "only one instance of \"driver\" network is allowed"
        ),
        Row(NetworkError.localOverlay, .forbidden, "cannot downgrade network scope for overlay networks"),
        Row(NetworkError.ingressNotOverlay, .invalidInput, "Ingress network can only be of overlay type"),
        Row(
            NetworkError.longBridgeName("name"), .invalidInput, "invalid bridge name name: longer than 15 characters"),
        Row(NetworkError.bridgeNameTaken, .forbidden, "networks have same bridge name"),
        Row(NetworkError.severalSubnets, .invalidInput, "bridge driver doesn't support multiple subnets"),
        Row(NetworkError.noFamily, .invalidInput, "IPv4 or IPv6 must be enabled"),
        Row(NetworkError.predefined("name"), .forbidden, "name is a pre-defined network and cannot be removed"),
        Row(
            NetworkError.reservedName("default"), .forbidden,
            "operation is not permitted on predefined default network "),
        Row(
            NetworkError.inUse(name: "name", id: "id"), .forbidden,
            "error while removing network: network name id id has active endpoints"),
        Row(EndpointError.networkNotFound("reference"), .notFound, "network reference not found"),
        Row(
            EndpointError.addressOnDefaultNetwork, .invalidInput,
            "user specified IP address is supported on user defined networks only"),
        Row(
            EndpointError.addressWithoutChosenSubnet, .invalidInput,
            "user specified IP address is supported only when connecting to networks with user configured subnets"),
        Row(
            EndpointError.interfaceTaken("name"), .forbidden,
            "interface name name is already in use by another network of the container"),
        Row(
            EndpointError.alreadyConnected(container: "container", network: "network"), .forbidden,
            "endpoint with name container already exists in network network"),
        Row(
            EndpointError.notConnected(container: "container", network: "network"), .forbidden,
            "container container is not connected to network network"),
        Row(
            EndpointError.belongsToTask("container"), .forbidden,
            "container container is a task's: its networks are its service's to change"),
        Row(
            EndpointError.hostNetwork, .invalidInput,
            "container cannot be disconnected from host network or connected to host network"),
        Row(
            EndpointError.sharedNetwork, .invalidInput,
            "container sharing network namespace with another container or host cannot be connected to any other network"
        ),
        Row(
            EndpointError.noneNetwork, .forbidden,
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"),
        Row(
            EndpointError.attachedNetworkUnknown(network: "network", cause: Cause(VolumeError.notFound("v"))),
            .notFound, "Could not attach to network network: rpc error: code = NotFound desc = get v: no such volume"),
        Row(
            EndpointError.networkNotAttachable("network"), .forbidden,
            "Could not attach to network network: rpc error: code = PermissionDenied desc = network network not manually attachable"
        ),
        Row(
            EndpointError.encryptionImpossible(network: "network", reason: "no TAP devices"), .internalError,
            "this node cannot encrypt what network network sends: no TAP devices"),
        Row(
            EndpointError.portInSealedNetwork("network"), .forbidden,
            "network network is sealed (apus.sealed): a container that no other network leads out of cannot publish ports"
        ),
        Row(EndpointError.networkNotAllocated("network"), .internalError, "network network has not been allocated"),
        Row(EndpointError.invalidAddress("text"), .invalidInput, "invalid IPv4 address: text"),
        Row(EndpointError.invalidAddress6("text"), .invalidInput, "invalid IPv6 address: text"),
        Row(
            EndpointError.addresses6Exhausted(network: "network", id: "id"), .conflict,
            "no available IPv6 addresses on this network's address pools: network (id)"),
        Row(
            EndpointError.addressOutside("text"), .invalidInput,
            "Invalid address text: It does not belong to any of this network's subnets"),
        Row(EndpointError.addressTaken, .forbidden, "Address already in use"),
        Row(
            EndpointError.addressesExhausted(network: "network", id: "id"), .conflict,
            "no available IPv4 addresses on this network's address pools: network (id)"),
        Row(
            EndpointError.conflictingRoute(
                address: IPNetwork(address: IPAddress(172, 18, 0, 3), prefixLength: 16),
                route: IPNetwork(address: IPAddress(172, 18, 4, 0), prefixLength: 24)),
            .forbidden,
            "cannot program address 172.18.0.3/16 in sandbox interface because it conflicts with existing route 172.18.4.0/24"
        ),
        Row(
            EndpointOptionError.invalidAddress6("text"), .invalidInput,
            "invalid endpoint settings:\ninvalid IPv6 address: text"),
        Row(
            EndpointOptionError.invalidAddress("text"), .invalidInput,
            "invalid endpoint settings:\ninvalid IPv4 address: text"),
        Row(EndpointOptionError.invalidMAC("text"), .invalidInput, "invalid MAC address text"),
        Row(
            EndpointOptionError.conflictingMAC, .invalidInput,
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty"
        ),
        Row(
            EndpointOptionError.invalidInterfaceName("name"), .invalidInput,
            "invalid endpoint settings:\ninvalid interface name \"name\""),
        Row(
            EndpointOptionError.invalidParameter("text"), .invalidInput,
            "invalid endpoint settings:\nunrecognised network interface sysctl 'text'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
        ),
        Row(
            EndpointOptionError.aliasOnDefaultNetwork, .invalidInput,
            "invalid endpoint settings:\nnetwork-scoped alias is supported only for containers in user defined networks"
        ),
        Row(
            EndpointOptionError.unsupported("option"), .notImplemented,
            "the endpoint's driver option option is not implemented by apus"),
        Row(EndpointOptionError.emptyLink, .invalidInput, "empty string specified for links"),
        Row(EndpointOptionError.invalidLink("text"), .invalidInput, "bad format for links: text"),
        Row(PoolError.overlaps, .forbidden, "Pool overlaps with other one on this address space"),
        Row(
            PoolError.malformed([.notation(.subnet, text: "text")]), .invalidInput,
            "invalid network config:\ninvalid subnet text: invalid CIDR block notation"),
        Row(
            PoolError.malformed([
                .hostBits(.range, IPNetwork(address: IPAddress(10, 0, 0, 5), prefixLength: 24)),
                .auxiliary(name: "a", .notation),
            ]), .invalidInput,
            "invalid network config:\n* invalid ip-range 10.0.0.5/24: it should be 10.0.0.0/24\n* invalid auxiliary address a: invalid address"
        ),
        Row(
            PoolError.auxiliaryTaken(name: "name", address: "10.0.0.1"), .internalError,
            "failed to allocate secondary ip address (name:10.0.0.1): Address already in use"),
        Row(PoolError.invalidSubnet("text"), .invalidInput, "Invalid subnet text : invalid CIDR address: text"),
        Row(
            PoolError.unusedFamily("text"), .invalidInput,
            "Invalid subnet text : the network has no addresses of this family"),
        Row(PoolError.smallSubnet("text"), .invalidInput, "Invalid subnet text : too small for a network"),
        Row(PoolError.invalidRange("text"), .invalidInput, "Invalid ip-range text : invalid CIDR address: text"),
        Row(PoolError.rangeOutside("text"), .invalidInput, "no matching subnet for range text"),
        Row(PoolError.invalidAddress(field: "field", text: "text"), .invalidInput, "invalid field address: text"),
        Row(PoolError.addressOutside(field: "field", text: "text"), .invalidInput, "no matching subnet for field text"),
        Row(
            PoolError.addressReserved(field: "field", text: "text"), .invalidInput,
            "field text is the subnet's own or its broadcast address"),
        Row(PoolError.exhausted(.v4), .invalidInput, "all predefined address pools have been fully subnetted"),
        Row(PoolError.exhausted(.v6), .invalidInput, "all predefined address pools have been fully subnetted"),
        Row(
            NetworkOptionError.invalidMTU(text: "text", range: 68...65_535), .invalidInput,
            "invalid MTU: text is not a number from 68 to 65535"),
        Row(
            NetworkOptionError.neitherOnNorOff(option: "option", value: "value"), .invalidInput,
            "invalid value of network option option: value is neither on nor off"),
        Row(
            NetworkOptionError.notTruth(option: "option"), .invalidInput,
            "driver-opt \"option\" is not a valid bool"),
        Row(
            NetworkOptionError.unreadable(option: "option", value: "value", reason: "reason"), .invalidInput,
            "failed to parse option value: value (reason)"),
        Row(
            NetworkOptionError.isolatedOutside, .internalError,
            "gateway mode 'isolated' can only be used for an internal network"),
        Row(
            NetworkOptionError.internalOnly("option"), .invalidInput,
            "network option option can only be used for an internal network"),
        Row(
            NetworkOptionError.notOfDriver(option: "option", driver: "driver"), .invalidInput,
            "network option option means nothing to the driver driver"),
        Row(
            NetworkOptionError.unsupported("option"), .notImplemented,
            "network option option is not implemented by apus"
        ),
    ]
}
