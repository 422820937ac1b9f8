package import Faults

/// Filters of a list, a prune or a stream that mean nothing.
package enum FilterError: Fault, Equatable {
    case unknown(String)
    case invalid(name: String, value: String)
    case invalidFlag(name: String, values: [String])
    case severalUntil
    case invalidUntil(String)
    case unknownNetworkType(String)
    case severalValues(String)
    /// None of the few that the filter has, as swarmkit says it.
    case unknownValue(name: String, value: String)

    package var kind: FaultKind { .invalidInput }
}
