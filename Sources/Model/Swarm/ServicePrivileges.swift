package import Faults

/// The `Privileges` of a service's containers, as far as they are done.
package struct ServicePrivileges: Sendable, Equatable {
    package var noNewPrivileges = false
    package var isSeccompUnconfined = false

    /// - Throws: ``Refusal`` for what does not reach the container.
    package init(_ value: JSONValue?) throws(Refusal) {
        guard case .object(let fields)? = value else { return }
        for (name, field) in fields.sorted(by: { $0.key < $1.key }) {
            switch (name, field) {
            case (_, .null), (_, .bool(false)): continue
            case ("NoNewPrivileges", .bool(true)): noNewPrivileges = true
            case ("Seccomp", .object(let seccomp)):
                switch seccomp["Mode"] {
                case nil, .string(""), .string("default"): continue
                case .string("unconfined"): isSeccompUnconfined = true
                default:
                    throw Refusal(
                        .notImplemented, "a seccomp profile of a service's own is not implemented by apus yet")
                }
            case ("AppArmor", .object(let armor)) where [nil, .string(""), .string("default")].contains(armor["Mode"]):
                continue
            default:
                throw Refusal(.notImplemented, "the privilege \(name) of a service is not implemented by apus yet")
            }
        }
    }
}
