package import Faults

/// Why a service cannot have an address that it asks for in a network. The network is its name.
package enum FixedAddressError: Fault, Equatable {
    case invalid(String)
    case outside(address: String, network: String)
    /// The gateway's, an auxiliary one, or the subnet's own.
    case reserved(address: String, network: String)
    case taken(address: String, network: String, by: FixedAddressHolder)
    /// Both addresses of a service are the same, or it asks for one address twice.
    case twice(address: String, network: String)
    /// An address of a task, of a service that may have several.
    case severalTasks(network: String)
    /// A new task cannot have the address before the old one has gone.
    case startsFirst(network: String)

    package var kind: FaultKind {
        switch self {
        case .invalid, .outside, .reserved, .twice, .severalTasks, .startsFirst: .invalidInput
        case .taken: .conflict
        }
    }
}

/// What is in the way of a fixed address: names it to who asked for it.
package enum FixedAddressHolder: Sendable, Equatable {
    /// By name.
    case service(String)
    case task(String)
    case node(String)
}
