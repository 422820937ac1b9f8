import EngineInterface
import Model

extension NetworkConfigurationError: MessageConvertible {
    var message: String {
        switch self {
        case .operatorField:
            "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
        case .dependent:
            "a configuration network cannot depend on another configuration network"
        case .ownSettings:
            "user specified configurations are not supported if the network depends on a configuration network"
        case .notFound(let name):
            "configuration network \"\(name)\" does not exist"
        case .inUse(let name):
            "configuration network \"\(name)\" is in use"
        case .noEndpoint:
            "cannot create endpoint on configuration-only network"
        }
    }
}
