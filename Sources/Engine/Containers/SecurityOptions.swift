import ContainerRuntime
import Faults

/// `--security-opt`, read as Docker reads it: `NAME=VALUE`, or with a colon as it was written once. Pure.
struct SecurityOptions: Equatable {
    private(set) var noNewPrivileges = false
    private(set) var seccomp = SeccompChoice.standard

    /// - Throws: ``APIError`` in Docker's words; for what Apus does not do, by name. SELinux labels have no effect, as with a Docker that
    ///   was not started with `--selinux-enabled`.
    init(_ options: [String]) throws(APIError) {
        for option in options {
            if option == "no-new-privileges" {
                noNewPrivileges = true
            } else if option != "disable" {
                // As Docker has it, the equals sign counts wherever there is one.
                let separator: Character = option.contains("=") ? "=" : ":"
                guard let end = option.firstIndex(of: separator) else {
                    throw APIError(.invalidInput, "invalid --security-opt 1: \"\(option)\"")
                }
                try read(String(option[..<end]), String(option[option.index(after: end)...]), option)
            }
        }
    }

    private mutating func read(_ name: String, _ value: String, _ option: String) throws(APIError) {
        switch name {
        case "label": return
        case "no-new-privileges":
            guard let flag = GoFlag.parse(value) else {
                throw APIError(.invalidInput, "invalid --security-opt 2: \"\(option)\"")
            }
            noNewPrivileges = flag
        case "seccomp": seccomp = try Self.profile(value)
        case "apparmor" where value == "unconfined": return
        case "apparmor", "writable-cgroups":
            throw APIError(.notImplemented, "--security-opt \(option) is not implemented by apus yet")
        default: throw APIError(.invalidInput, "invalid --security-opt 2: \"\(option)\"")
        }
    }

    /// Clients send a profile's text, not the name of its file.
    private static func profile(_ value: String) throws(APIError) -> SeccompChoice {
        switch value {
        case "unconfined": return .unconfined
        case "builtin", "": return .standard
        default:
            let bytes = Array(value.utf8)
            do { _ = try SeccompProfile(json: bytes) } catch {
                throw APIError(.invalidInput, "Decoding seccomp profile failed: \(error)")
            }
            return .profile(bytes)
        }
    }
}
