import Faults
import Foundation

/// The `Privileges` of a service's containers, as far as they are done.
package struct ServicePrivileges: Sendable, Equatable {
    package var noNewPrivileges = false
    /// As `--security-opt seccomp=` takes it: `unconfined` or a profile's text; `nil` for the standard.
    package var seccomp: String?

    /// - Throws: ``PrivilegeError``, ``UnsupportedError`` for what does not reach the container.
    package init(_ value: JSONValue?) throws {
        guard case .object(let fields)? = value else { return }
        for (name, field) in fields.sorted(by: { $0.key < $1.key }) {
            switch (name, field) {
            case (_, .null), (_, .bool(false)): continue
            case ("NoNewPrivileges", .bool(true)): noNewPrivileges = true
            case ("Seccomp", .object(let seccomp)):
                switch seccomp["Mode"] {
                case nil, .string(""), .string("default"): continue
                case .string("unconfined"): self.seccomp = "unconfined"
                case .string("custom"):
                    guard case .string(let text)? = seccomp["Profile"], let profile = Data(base64Encoded: text),
                        !profile.isEmpty
                    else { throw PrivilegeError.noSeccompProfile }
                    self.seccomp = String(decoding: profile, as: UTF8.self)
                default: throw PrivilegeError.unknownSeccompMode
                }
            case ("AppArmor", .object(let armor))
            where [nil, .string(""), .string("default"), .string("disabled")].contains(armor["Mode"]):
                continue
            // Labels have no effect, as with a Docker that was not started with `--selinux-enabled`.
            case ("SELinuxContext", .object): continue
            default:
                throw UnsupportedError.feature("the privilege \(name) of a service")
            }
        }
    }
}
