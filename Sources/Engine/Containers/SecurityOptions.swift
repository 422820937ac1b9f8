import ContainerRuntime
import EngineInterface
import Faults
import Model

/// `--security-opt`, read as Docker reads it: `NAME=VALUE`, or with a colon as it was written once. Pure.
struct SecurityOptions: Equatable {
    private(set) var noNewPrivileges = false
    private(set) var seccomp = SeccompChoice.standard

    /// - Throws: ``ContainerOptionError``, ``UnsupportedError``; for what Apus does not do, by name. SELinux labels have no effect, as with a Docker that
    ///   was not started with `--selinux-enabled`.
    init(_ options: [String]) throws {
        for option in options {
            if option == "no-new-privileges" {
                noNewPrivileges = true
            } else if option != "disable" {
                // As Docker has it, the equals sign counts wherever there is one.
                let separator: Character = option.contains("=") ? "=" : ":"
                guard let end = option.firstIndex(of: separator) else {
                    throw ContainerOptionError.securityOptionWithoutValue(option)
                }
                try read(String(option[..<end]), String(option[option.index(after: end)...]), option)
            }
        }
    }

    private mutating func read(_ name: String, _ value: String, _ option: String) throws {
        switch name {
        case "label": return
        case "no-new-privileges":
            guard let flag = GoFlag.parse(value) else {
                throw ContainerOptionError.invalidSecurityOption(option)
            }
            noNewPrivileges = flag
        case "seccomp": seccomp = try Self.profile(value)
        case "apparmor" where value == "unconfined": return
        case "apparmor", "writable-cgroups":
            throw UnsupportedError.feature("--security-opt \(option)")
        default: throw ContainerOptionError.invalidSecurityOption(option)
        }
    }

    /// Clients send a profile's text, not the name of its file.
    private static func profile(_ value: String) throws(ContainerOptionError) -> SeccompChoice {
        switch value {
        case "unconfined": return .unconfined
        case "builtin", "": return .standard
        default:
            let bytes = Array(value.utf8)
            do { _ = try SeccompProfile(json: bytes) } catch {
                throw ContainerOptionError.unreadableSeccompProfile("\(error)")
            }
            return .profile(bytes)
        }
    }
}
