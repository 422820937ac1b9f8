import Faults
import EngineInterface
import Model

@testable import DockerMessages

extension SentenceTests {
    static let networks: [Row] = [
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
            EndpointError.noneNetwork, .forbidden,
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"),
        Row(
            EndpointError.attachedNetworkUnknown(network: "network", cause: Cause(VolumeError.notFound("v"))),
            .notFound, "Could not attach to network network: rpc error: code = NotFound desc = get v: no such volume"),
        Row(
            EndpointError.networkNotAttachable("network"), .forbidden,
            "Could not attach to network network: rpc error: code = PermissionDenied desc = network network not manually attachable"
        ),
        Row(PoolError.overlaps, .forbidden, "Pool overlaps with other one on this address space"),
        Row(PoolError.invalidSubnet("text"), .invalidInput, "Invalid subnet text : invalid CIDR address: text"),
        Row(PoolError.smallSubnet("text"), .invalidInput, "Invalid subnet text : too small for a network"),
        Row(PoolError.invalidRange("text"), .invalidInput, "Invalid ip-range text : invalid CIDR address: text"),
        Row(PoolError.rangeOutside("text"), .invalidInput, "no matching subnet for range text"),
        Row(PoolError.invalidAddress(field: "field", text: "text"), .invalidInput, "invalid field address: text"),
        Row(PoolError.addressOutside(field: "field", text: "text"), .invalidInput, "no matching subnet for field text"),
        Row(
            PoolError.addressReserved(field: "field", text: "text"), .invalidInput,
            "field text is the subnet's own or its broadcast address"),
        Row(
            NetworkOptionError.invalidMTU(text: "text", range: 68...65_535), .invalidInput,
            "invalid MTU: text is not a number from 68 to 65535"),
        Row(
            NetworkOptionError.neitherOnNorOff(option: "option", value: "value"), .invalidInput,
            "invalid value of network option option: value is neither on nor off"),
    ]
}
