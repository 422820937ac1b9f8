/// The `seccomp` section of `config.json` (runtime-spec, config-linux.md).
package struct RuntimeSeccomp: Codable, Sendable, Equatable {
    /// `SCMP_ACT_ERRNO`, `SCMP_ACT_ALLOW`…
    package var defaultAction: String
    /// What refused calls fail with; EPERM when missing.
    package var defaultErrnoRet: UInt?
    /// `SCMP_ARCH_X86_64`…
    package var architectures: [String]?
    /// `SECCOMP_FILTER_FLAG_LOG`… (seccomp(2)).
    package var flags: [String]?
    /// What is done other than the default; of several that fit the first is taken.
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

/// What becomes of some calls: all of `args` must hold.
package struct RuntimeSyscall: Codable, Sendable, Equatable {
    /// Calls that the machine does not know are passed over.
    package var names: [String]
    package var action: String
    /// What the call fails with, where the action makes it fail; EPERM when missing.
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
    /// 0 to 5.
    package var index: UInt
    /// What the argument is compared with; the mask for `SCMP_CMP_MASKED_EQ`.
    package var value: UInt64
    /// What the masked argument is compared with.
    package var valueTwo: UInt64?
    package var op: String

    package init(index: UInt, value: UInt64, valueTwo: UInt64? = nil, op: String) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
    }
}
