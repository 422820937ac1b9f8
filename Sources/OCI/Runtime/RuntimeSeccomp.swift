/// The `seccomp` section of `config.json` (runtime-spec, config-linux.md).
package struct RuntimeSeccomp: Codable, Sendable, Equatable {
    /// `SCMP_ACT_ERRNO`, `SCMP_ACT_ALLOW`…
    package var defaultAction: String
    package var defaultErrnoRet: UInt?
    /// `SCMP_ARCH_X86_64`…
    package var architectures: [String]?
    package var flags: [String]?
    package var syscalls: [RuntimeSyscall]?

    package init(
        defaultAction: String, defaultErrnoRet: UInt? = nil, architectures: [String]? = nil, flags: [String]? = nil,
        syscalls: [RuntimeSyscall]? = nil
    ) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.architectures = architectures
        self.flags = flags
        self.syscalls = syscalls
    }
}

package struct RuntimeSyscall: Codable, Sendable, Equatable {
    package var names: [String]
    package var action: String
    package var errnoRet: UInt?
    package var args: [RuntimeSyscallArgument]?

    package init(
        names: [String], action: String, errnoRet: UInt? = nil, args: [RuntimeSyscallArgument]? = nil
    ) {
        self.names = names
        self.action = action
        self.errnoRet = errnoRet
        self.args = args
    }
}

/// A condition on one argument; `op` as in `SCMP_CMP_EQ`.
package struct RuntimeSyscallArgument: Codable, Sendable, Equatable {
    package var index: UInt
    package var value: UInt64
    package var valueTwo: UInt64?
    package var op: String

    package init(index: UInt, value: UInt64, valueTwo: UInt64? = nil, op: String) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
    }
}
