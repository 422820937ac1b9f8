package import Addressing
package import Faults

/// Subnets, ranges and addresses that a network cannot have.
package enum PoolError: Fault, Equatable {
    case overlaps
    /// All that is wrong with how the pools are written.
    case malformed([PoolFault])
    case invalidSubnet(String)
    /// A subnet of a family that the network's containers get no addresses of.
    case unusedFamily(String)
    case smallSubnet(String)
    case invalidRange(String)
    case rangeOutside(String)
    case invalidAddress(field: String, text: String)
    case addressOutside(field: String, text: String)
    case addressReserved(field: String, text: String)
    /// An auxiliary address that is the gateway's, or another one's.
    case auxiliaryTaken(name: String, address: String)
    /// No default subnet of the family is left.
    case exhausted(IPFamily)

    package var kind: FaultKind {
        switch self {
        case .overlaps: .forbidden
        case .malformed, .invalidSubnet, .unusedFamily, .smallSubnet, .invalidRange, .rangeOutside, .invalidAddress,
            .addressOutside, .addressReserved, .exhausted:
            .invalidInput
        case .auxiliaryTaken: .internalError
        }
    }
}

/// Options of a network that Apus does not have, or with values that mean nothing.
package enum NetworkOptionError: Fault, Equatable {
    case invalidMTU(text: String, range: ClosedRange<Int>)
    case neitherOnNorOff(option: String, value: String)
    /// A value that Go reads as neither true nor false.
    case notTruth(option: String)
    /// A value that the option does not know, with what its reader says of it.
    case unreadable(option: String, value: String, reason: String)
    /// The gateway mode `isolated` of a network that leads outside.
    case isolatedOutside
    /// An option of internal networks alone.
    case internalOnly(String)
    /// An option that means nothing to the network's driver.
    case notOfDriver(option: String, driver: String)
    case unsupported(String)

    package var kind: FaultKind {
        switch self {
        case .invalidMTU, .neitherOnNorOff, .notTruth, .unreadable, .internalOnly, .notOfDriver: .invalidInput
        case .isolatedOutside: .internalError
        case .unsupported: .notImplemented
        }
    }
}
