import OCI

/// A seccomp profile in Docker's and Podman's format, which is not runc's: groups of calls hold for some capabilities
/// or architectures only (`/usr/share/containers/seccomp.json`, moby/profiles/seccomp).
package struct SeccompProfile: Sendable, Codable, Equatable {
    /// The standard one, which this program brings along: no file that is missing leaves containers without.
    package static func builtIn() throws -> SeccompProfile { try SeccompProfile(json: Array(BuiltInSeccomp.json.utf8)) }

    var defaultAction: String
    var defaultErrnoRet: UInt?
    var architectures: [String]?
    var archMap: [ArchitectureGroup]?
    var flags: [String]?
    var syscalls: [Group]?

    struct ArchitectureGroup: Sendable, Codable, Equatable {
        var architecture: String
        var subArchitectures: [String]?
    }

    struct Group: Sendable, Codable, Equatable {
        var names: [String]?
        /// The older spelling, one call a group.
        var name: String?
        var action: String
        var errnoRet: UInt?
        var args: [RuntimeSyscallArgument]?
        var includes: Filter?
        var excludes: Filter?
    }

    struct Filter: Sendable, Codable, Equatable {
        var caps: [String]?
        var arches: [String]?
        /// As in `4.8`.
        var minKernel: String?
    }

    /// - Throws: ``RuntimeError`` `.invalidSpecification` with Docker's words for bytes that are no profile.
    package init(json bytes: [UInt8]) throws {
        do {
            self = try JSONText.decode(SeccompProfile.self, from: bytes)
        } catch {
            throw RuntimeError(.invalidSpecification, "Decoding seccomp profile failed: \(error)")
        }
    }

    /// What a container with these capabilities gets.
    ///
    /// - Parameter subordinates: Also filter the 32-bit calls of this machine. They cost 15 ms at every start, so the
    ///   default leaves them out; libseccomp then kills a process that makes one.
    func specialised(for capabilities: [String], on machine: Machine, subordinates: Bool) -> RuntimeSeccomp {
        let held = Set(capabilities)
        let kept = (syscalls ?? []).filter { group in
            if let filter = group.includes, !filter.includes(held, machine) { return false }
            if let filter = group.excludes, filter.excludes(held, machine) { return false }
            return true
        }
        let mapped = archMap?.first { $0.architecture == machine.seccompName }
        var requested = mapped.map { [$0.architecture] + (subordinates ? $0.subArchitectures ?? [] : []) }
        if requested == nil { requested = architectures ?? [machine.seccompName] }
        return RuntimeSeccomp(
            defaultAction: defaultAction, defaultErrnoRet: defaultErrnoRet, architectures: requested, flags: flags,
            syscalls: kept.compactMap { group in
                let names = (group.names ?? []) + (group.name.map { [$0] } ?? [])
                guard !names.isEmpty else { return nil }
                let args = group.args ?? []
                return RuntimeSyscall(
                    names: names, action: group.action, errnoRet: group.errnoRet, args: args.isEmpty ? nil : args)
            })
    }

    /// The processor and the kernel, as profiles name them.
    struct Machine: Sendable, Equatable {
        /// Go's name: `amd64`, `arm64`.
        var architecture: String
        var kernelMajor: Int
        var kernelMinor: Int

        var seccompName: String { architecture == "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64" }

        /// Of a release text, as in `6.1.0-18-amd64`.
        init(architecture: String, release: String) {
            let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
            self.architecture = architecture
            kernelMajor = numbers.first ?? 0
            kernelMinor = numbers.dropFirst().first ?? 0
        }

        /// This machine.
        static func current(release: String) -> Machine {
            #if arch(arm64)
                Machine(architecture: "arm64", release: release)
            #else
                Machine(architecture: "amd64", release: release)
            #endif
        }

        func isAtLeast(_ version: String) -> Bool {
            let requested = Machine(architecture: architecture, release: version)
            return (kernelMajor, kernelMinor) >= (requested.kernelMajor, requested.kernelMinor)
        }
    }
}

extension SeccompProfile.Filter {
    func includes(_ capabilities: Set<String>, _ machine: SeccompProfile.Machine) -> Bool {
        if let arches, !arches.isEmpty, !arches.contains(machine.architecture) { return false }
        if let caps, !capabilities.isSuperset(of: caps) { return false }
        return minKernel.map(machine.isAtLeast) ?? true
    }

    func excludes(_ capabilities: Set<String>, _ machine: SeccompProfile.Machine) -> Bool {
        if let arches, arches.contains(machine.architecture) { return true }
        if let caps, !capabilities.isDisjoint(with: caps) { return true }
        return minKernel.map(machine.isAtLeast) ?? false
    }
}
