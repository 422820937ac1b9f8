import EngineInterface

extension FixedAddressError: MessageConvertible {
    var message: String {
        switch self {
        case .invalid(let text):
            "invalid address \(text) of a service"
        case .outside(let address, let network):
            "invalid address \(address): it does not belong to any of network \(network)'s subnets"
        case .reserved(let address, let network):
            "invalid address \(address): network \(network) keeps it for itself"
        case .taken(let address, let network, let holder):
            "address \(address) of network \(network) is already in use by \(holder.message)"
        case .twice(let address, let network):
            "address \(address) of network \(network) is asked for twice"
        case .severalTasks(let network):
            "a fixed address of tasks in network \(network) needs a replicated service with one replica at most"
        case .startsFirst(let network):
            "a fixed address of tasks in network \(network) needs the update order stop-first"
        }
    }
}

extension FixedAddressHolder: MessageConvertible {
    var message: String {
        switch self {
        case .service(let name): "service \(name)"
        case .task(let id): "task \(id)"
        case .node(let id): "node \(id)"
        }
    }
}
