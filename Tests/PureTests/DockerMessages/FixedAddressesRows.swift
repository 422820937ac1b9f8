import EngineInterface
import Faults

@testable import DockerMessages

extension SentenceTests {
    static let fixedAddresses: [Row] = [
        Row(FixedAddressError.invalid("text"), .invalidInput, "invalid address text of a service"),
        Row(
            FixedAddressError.outside(address: "10.2.0.9", network: "app"), .invalidInput,
            "invalid address 10.2.0.9: it does not belong to any of network app's subnets"),
        Row(
            FixedAddressError.reserved(address: "10.1.0.1", network: "app"), .invalidInput,
            "invalid address 10.1.0.1: network app keeps it for itself"),
        Row(
            FixedAddressError.taken(address: "10.1.0.9", network: "app", by: .service("web")), .conflict,
            "address 10.1.0.9 of network app is already in use by service web"),
        Row(
            FixedAddressError.taken(address: "10.1.0.9", network: "app", by: .task("t1")), .conflict,
            "address 10.1.0.9 of network app is already in use by task t1"),
        Row(
            FixedAddressError.taken(address: "10.1.0.9", network: "app", by: .node("n1")), .conflict,
            "address 10.1.0.9 of network app is already in use by node n1"),
        Row(
            FixedAddressError.twice(address: "10.1.0.9", network: "app"), .invalidInput,
            "address 10.1.0.9 of network app is asked for twice"),
        Row(
            FixedAddressError.severalTasks(network: "app"), .invalidInput,
            "a fixed address of tasks in network app needs a replicated service with one replica at most"),
        Row(
            FixedAddressError.startsFirst(network: "app"), .invalidInput,
            "a fixed address of tasks in network app needs the update order stop-first"),
    ]
}
