package import Faults

/// Why a node cannot have an ingress network with certain numbers: what it found when it tried to carry packets with them.
package enum IngressTrouble: Fault, Equatable {
    /// The kernel takes no such address, or no route over one; `reason` in the kernel's words.
    case refused(reason: String)
    /// Nothing arrives unless this kernel parameter, which new namespaces take from the node, is 0.
    case parameter(name: String, value: String)
    /// Nothing arrives, while packets with other numbers do.
    case lost
    /// Nothing arrives, whatever numbers it has.
    case silent

    package var kind: FaultKind { .unavailable }
}
