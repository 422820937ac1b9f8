package import Faults

/// Privileges of a service's containers that mean nothing.
package enum PrivilegeError: Fault, Equatable {
    case noSeccompProfile
    case unknownSeccompMode

    package var kind: FaultKind { .invalidInput }
}
