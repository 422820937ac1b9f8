import EngineInterface
import Model

extension ParentError: MessageConvertible {
    var message: String {
        switch self {
        case .invalidMode(let driver, let mode):
            "requested \(driver) mode '\(mode)' is not valid, '\(driver == "ipvlan" ? "l2" : "bridge")' mode is the \(driver) driver default"
        case .invalidFlag(let flag):
            "requested ipvlan flag '\(flag)' is not valid, 'bridge' is the ipvlan driver default"
        case .loopback(let driver):
            "loopback interface is not a valid \(driver) parent link"
        case .notFound(let name):
            "invalid subinterface vlan name \(name), example formatting is eth0.10"
        case .invalidVLANName(let name):
            "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received \(name)"
        case .invalidVLANNumber(let text):
            "unable to parse a valid vlan id from: \(text) (ex. eth0.10 for vlan 10)"
        case .vlanOutOfRange(let number):
            "vlan id must be between 1-4094, received: \(number)"
        case .vlanParentNotFound(let name):
            "-o parent interface does was not found on the host: \(name)"
        case .passthru(let network, let parent):
            "macvlan network \(network) is already using parent interface \(parent) in mode passthru"
        case .passthruBeside(let network, let parent):
            "cannot use mode passthru, macvlan network \(network) is already using parent interface \(parent)"
        case .inUse(let network, let parent):
            "network dm-\(network) is already using parent interface \(parent)"
        case .kernelLacks(let kind):
            "this node's kernel has no \(kind) devices"
        case .notMade(let name):
            "failed to create the parent interface \(name)"
        case .parentGone(let name):
            "the requested parent interface \(name) was not found on the Docker host"
        case .portTaken(let driver):
            "failed to create the \(driver) port: invalid argument"
        case .severalSubnets(let driver):
            "several subnets of a \(driver) network are not implemented by apus"
        }
    }
}
