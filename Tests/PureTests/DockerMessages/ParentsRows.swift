import EngineInterface

extension SentenceTests {
    static let parents: [Row] = [
        Row(
            ParentError.invalidMode(driver: "macvlan", mode: "mode"), .invalidInput,
            "requested macvlan mode 'mode' is not valid, 'bridge' mode is the macvlan driver default"),
        Row(
            ParentError.invalidMode(driver: "ipvlan", mode: "mode"), .invalidInput,
            "requested ipvlan mode 'mode' is not valid, 'l2' mode is the ipvlan driver default"),
        Row(
            ParentError.invalidFlag("flag"), .invalidInput,
            "requested ipvlan flag 'flag' is not valid, 'bridge' is the ipvlan driver default"),
        Row(
            ParentError.loopback(driver: "macvlan"), .invalidInput,
            "loopback interface is not a valid macvlan parent link"),
        Row(
            ParentError.notFound("name"), .invalidInput,
            "invalid subinterface vlan name name, example formatting is eth0.10"),
        Row(
            ParentError.invalidVLANName("a.b.c"), .invalidInput,
            "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received a.b.c"),
        Row(
            ParentError.invalidVLANNumber("x"), .invalidInput,
            "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"),
        Row(ParentError.vlanOutOfRange(4095), .invalidInput, "vlan id must be between 1-4094, received: 4095"),
        Row(
            ParentError.vlanParentNotFound("name"), .invalidInput,
            "-o parent interface does was not found on the host: name"),
        Row(
            ParentError.passthru(network: "id", parent: "eth0"), .forbidden,
            "macvlan network id is already using parent interface eth0 in mode passthru"),
        Row(
            ParentError.passthruBeside(network: "id", parent: "eth0"), .forbidden,
            "cannot use mode passthru, macvlan network id is already using parent interface eth0"),
        Row(
            ParentError.inUse(network: "id", parent: "eth0"), .forbidden,
            "network dm-id is already using parent interface eth0"),
        Row(ParentError.kernelLacks("ipvlan"), .notImplemented, "this node's kernel has no ipvlan devices"),
        Row(ParentError.notMade("eth0.10"), .internalError, "failed to create the parent interface eth0.10"),
        Row(
            ParentError.parentGone("eth0"), .internalError,
            "the requested parent interface eth0 was not found on the Docker host"),
        Row(
            ParentError.portTaken(driver: "macvlan"), .internalError,
            "failed to create the macvlan port: invalid argument"),
        Row(
            ParentError.severalSubnets(driver: "macvlan"), .invalidInput,
            "several subnets of a macvlan network are not implemented by apus"),
        Row(
            NetworkConfigurationError.operatorField, .forbidden,
            "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
        ),
        Row(
            NetworkConfigurationError.dependent, .forbidden,
            "a configuration network cannot depend on another configuration network"),
        Row(
            NetworkConfigurationError.ownSettings, .forbidden,
            "user specified configurations are not supported if the network depends on a configuration network"),
        Row(
            NetworkConfigurationError.notFound("name"), .notFound,
            "configuration network \"name\" does not exist"),
        Row(NetworkConfigurationError.inUse("name"), .forbidden, "configuration network \"name\" is in use"),
        Row(
            NetworkConfigurationError.noEndpoint, .forbidden,
            "cannot create endpoint on configuration-only network"),
    ]
}
