import LinuxSystem
import OCI
import Testing

@testable import ContainerRuntime

struct SpecificationTests {
    private let host: HostFacts

    init() throws {
        host = HostFacts(
            capabilities: LinuxCapabilities.standard + ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"],
            hardLimits: ["nofile": 20000],
            kernelRelease: "6.1.0", seccomp: try SeccompProfile.builtIn())
    }

    private func build(_ change: (inout ContainerSpecification) -> Void = { _ in }) throws
        -> SpecificationBuilder.Result
    {
        var wanted = ContainerSpecification(id: "abc", rootDirectory: "/r", arguments: ["sh"])
        wanted.hostname = "box"
        change(&wanted)
        return try SpecificationBuilder(host: host).build(wanted)
    }

    @Test func `a container that asks for nothing has Docker's defaults`() throws {
        let built = try build()
        let (process, linux) = (try #require(built.specification.process), try #require(built.specification.linux))
        #expect(built.warnings.isEmpty)
        #expect(process.capabilities?.effective == LinuxCapabilities.standard)
        #expect(process.env == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box"])
        #expect(linux.cgroupsPath == "/apus/abc")
        #expect(linux.namespaces.map(\.type) == [.mount, .network, .uts, .pid, .ipc])
        #expect(linux.maskedPaths?.contains("/proc/kcore") == true)
        #expect(linux.seccomp?.defaultAction == "SCMP_ACT_ERRNO")
        #expect(linux.resources?.devices?.first == RuntimeDeviceRule(allow: false, access: "rwm"))
        #expect(
            built.specification.mounts?.map(\.destination) == [
                "/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm",
            ])
        #expect(built.specification.mounts?.last?.options?.contains("size=67108864") == true)
    }

    @Test func `capabilities are added and dropped as Docker does`() throws {
        func effective(_ add: [String], _ drop: [String]) throws -> [String]? {
            try build { $0.capabilities = CapabilityChange(add: add, drop: drop) }.specification.process?.capabilities?
                .bounding
        }
        #expect(try effective(["net_admin"], [])?.last == "CAP_NET_ADMIN")
        #expect(try effective([], ["ALL"]) == [])
        #expect(try effective(["CHOWN"], ["ALL"]) == ["CAP_CHOWN"])
        #expect(try effective(["ALL"], ["CAP_SYS_ADMIN"]) == LinuxCapabilities.standard + ["CAP_NET_ADMIN"])
        let unknown = #expect(throws: RuntimeError.self) { _ = try effective(["NOSUCH"], []) }
        #expect(unknown?.message == "invalid CapAdd: unknown capability: \"CAP_NOSUCH\"")
    }

    @Test func `another user starts without effective capabilities`() throws {
        let built = try build { $0.user = ContainerUser(uid: 5, gid: 6) }
        #expect(built.specification.process?.capabilities?.effective == nil)
        #expect(built.specification.process?.capabilities?.bounding == LinuxCapabilities.standard)
    }

    @Test func `a file that is mounted read-only has nothing below it`() throws {
        let built = try build {
            $0.mounts = [ContainerMount(.bind(source: "/proc/version"), at: "/a/file", readOnly: true)]
        }
        #expect(built.specification.mounts?.last?.options == ["rbind", "ro", "rprivate"])
    }

    @Test func `a mount replaces a default one, and inner ones come after outer ones`() throws {
        let built = try build {
            $0.mounts = [
                ContainerMount(.bind(source: "/x"), at: "/data/deep/er", readOnly: true),
                ContainerMount(.tmpfs(options: ["exec", "size=1m"]), at: "/dev/shm"),
                ContainerMount(.bind(source: "/y"), at: "/data"),
            ]
        }
        let mounts = try #require(built.specification.mounts)
        #expect(mounts.suffix(3).map(\.destination) == ["/data", "/dev/shm", "/data/deep/er"])
        #expect(mounts.filter { $0.destination == "/dev/shm" }.count == 1)
        #expect(mounts.last?.options == ["rbind", "rro", "rprivate"])
        #expect(mounts.suffix(2).first?.options == ["nosuid", "nodev", "exec", "size=1m"])
    }

    @Test func `limits are in the kernel's units, and what this daemon may not give is cut with a warning`() throws {
        let built = try build {
            $0.resources.memory = 64 << 20
            $0.resources.nanoCPUs = 1_500_000_000
            $0.resources.processes = -1
            $0.limits = [ProcessLimit(name: "nofile", soft: 1024, hard: 99999)]
            $0.outOfMemoryScore = -500
        }
        let resources = try #require(built.specification.linux?.resources)
        #expect(resources.memory?.limit == 64 << 20)
        #expect(resources.memory?.swap == 128 << 20)
        #expect(resources.cpu?.quota == 150_000)
        #expect(resources.cpu?.period == 100_000)
        #expect(resources.pids == nil)
        #expect(built.specification.process?.rlimits == [RuntimeLimit(type: "RLIMIT_NOFILE", hard: 20000, soft: 1024)])
        #expect(built.specification.process?.oomScoreAdj == nil)
        #expect(built.warnings.count == 2)
    }

    @Test func `what control groups do not know is left out with a warning, whoever has asked for it`() throws {
        var host = self.host
        host.limits.blockIOWeight = false
        host.limits.swap = false
        host.limits.processes = false
        var wanted = ContainerSpecification(id: "abc", rootDirectory: "/r", arguments: ["sh"])
        wanted.resources.blockIOWeight = 300
        wanted.resources.memory = 64 << 20
        wanted.resources.processes = 10
        wanted.resources.cpuShares = 512
        let built = try SpecificationBuilder(host: host).build(wanted)
        let resources = try #require(built.specification.linux?.resources)
        #expect(resources.blockIO == nil && resources.pids == nil)
        #expect(resources.memory?.limit == 64 << 20 && resources.memory?.swap == nil)
        #expect(resources.cpu?.shares == 512)
        #expect(Set(built.warnings) == Set([LimitWarning.blockIOWeight, .swap, .processes].map(\.rawValue)))
    }

    @Test func `host namespaces are left out and their mounts are the host's`() throws {
        let built = try build {
            $0.namespaces.network = .host
            $0.namespaces.ipc = .path("/proc/7/ns/ipc")
        }
        let kinds = try #require(built.specification.linux?.namespaces)
        #expect(!kinds.contains { $0.type == .network })
        #expect(kinds.contains(RuntimeNamespace(.ipc, path: "/proc/7/ns/ipc")))
        #expect(built.specification.mounts?.first { $0.destination == "/sys" }?.type == "bind")
        #expect(built.specification.linux?.sysctl == nil)
    }
}

struct SeccompProfileTests {
    private let profile = """
        {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
         "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                     {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
         "syscalls": [
          {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {}, "excludes": {}},
          {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "args": null, "includes": {"caps": ["CAP_SYS_ADMIN"]}, "excludes": {}},
          {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "includes": {}, "excludes": {"caps": ["CAP_SYS_ADMIN"]}, "errnoRet": 1},
          {"names": ["s390"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
          {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
          {"names": ["future"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.1"}}]}
        """

    private func calls(_ capabilities: CapabilityChange, _ choice: SeccompChoice? = nil) throws -> RuntimeSeccomp {
        let host = HostFacts(
            capabilities: LinuxCapabilities.standard + ["CAP_SYS_ADMIN"], kernelRelease: "6.1.0-18",
            seccomp: try SeccompProfile(json: Array(profile.utf8)))
        var wanted = ContainerSpecification(id: "a", rootDirectory: "/r", arguments: ["sh"])
        wanted.capabilities = capabilities
        if let choice { wanted.seccomp = choice }
        return try #require(try SpecificationBuilder(host: host).build(wanted).specification.linux?.seccomp)
    }

    @Test func `groups hold for the capabilities, the machine and the kernel they name`() throws {
        let without = try calls(CapabilityChange())
        #expect(without.syscalls?.map(\.names) == [["read"], ["bpf"], ["ptrace"]])
        #expect(without.syscalls?[1].errnoRet == 1)
        #expect(without.syscalls?[0].args == nil)
        #expect(without.defaultErrnoRet == 38)
        let with = try calls(CapabilityChange(add: ["SYS_ADMIN"]))
        #expect(with.syscalls?[1].action == "SCMP_ACT_ALLOW")
    }

    @Test func `the profile in the program lets through what is harmless, and the rest to those who may`() throws {
        func isAllowed(_ call: String, adding capabilities: [String] = []) throws -> Bool {
            let host = HostFacts(
                capabilities: LinuxCapabilities.standard + ["CAP_SYS_ADMIN", "CAP_SYS_BOOT"], kernelRelease: "6.1.0-18",
                seccomp: try SeccompProfile.builtIn())
            var wanted = ContainerSpecification(id: "a", rootDirectory: "/r", arguments: ["sh"])
            wanted.capabilities = CapabilityChange(add: capabilities)
            let rules = try SpecificationBuilder(host: host).build(wanted).specification.linux?.seccomp
            #expect(rules?.defaultAction == "SCMP_ACT_ERRNO")
            return rules?.syscalls?.contains {
                $0.names.contains(call) && $0.action == "SCMP_ACT_ALLOW" && $0.args == nil
            } == true
        }
        for call in ["read", "execve", "ptrace", "openat2", "futex"] {
            #expect(try isAllowed(call), "\(call)")
        }
        for call in [
            "kexec_load", "bpf", "swapon", "init_module", "userfaultfd", "clone", "clone3", "unshare", "setns", "mount",
            "umount2", "pivot_root", "keyctl", "reboot", "syslog",
        ] {
            #expect(try !isAllowed(call), "\(call)")
        }
        #expect(try isAllowed("bpf", adding: ["SYS_ADMIN"]) && isAllowed("reboot", adding: ["SYS_BOOT"]))
        #expect(try isAllowed("clone3", adding: ["SYS_ADMIN"]) && isAllowed("unshare", adding: ["SYS_ADMIN"]))
    }

    @Test(arguments: [[], ["SYS_ADMIN"], ["SYS_BOOT", "SYS_NICE"]])
    func `no call is both let through and refused`(_ capabilities: [String]) throws {
        let host = HostFacts(
            capabilities: LinuxCapabilities.standard + ["CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE"],
            kernelRelease: "6.1.0-18", seccomp: try SeccompProfile.builtIn())
        var wanted = ContainerSpecification(id: "a", rootDirectory: "/r", arguments: ["sh"])
        wanted.capabilities = CapabilityChange(add: capabilities)
        let rules = try #require(
            try SpecificationBuilder(host: host).build(wanted).specification.linux?.seccomp?.syscalls)
        func names(_ action: String) -> Set<String> {
            Set(rules.filter { $0.action == action && $0.args == nil }.flatMap(\.names))
        }
        #expect(names("SCMP_ACT_ALLOW").isDisjoint(with: names("SCMP_ACT_ERRNO")))
    }

    @Test func `32-bit calls are filtered only when asked for`() throws {
        #expect(try calls(CapabilityChange()).architectures?.count == 1)
        #expect(try calls(CapabilityChange(), .standardWithSubordinateArchitectures).architectures?.count == 2)
    }
}

struct UserResolverTests {
    private let resolver = UserResolver(
        passwd: "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/srv:/bin/false\nbroken\n",
        group: "root:x:0:\nwww:x:34:\nadm:x:4:www,root\nlog:x:5:www\n")

    @Test(arguments: [
        ("", ContainerUser(uid: 0, gid: 0, additionalGroups: [4], home: "/root")),
        ("www", ContainerUser(uid: 33, gid: 34, additionalGroups: [4, 5], home: "/srv")),
        ("33", ContainerUser(uid: 33, gid: 34, additionalGroups: [4, 5], home: "/srv")),
        ("77", ContainerUser(uid: 77, gid: 0, home: "/")),
        ("77:88", ContainerUser(uid: 77, gid: 88, home: "/")),
        ("www:adm", ContainerUser(uid: 33, gid: 4, home: "/srv")),
        (":log", ContainerUser(uid: 0, gid: 5, home: "/root")),
    ])
    func `users and groups are found by name and number`(text: String, wanted: ContainerUser) throws {
        #expect(try resolver.resolve(text) == wanted)
    }

    @Test func `an environment's own home counts`() {
        #expect(SpecificationBuilder.withHome("/a", ["B=1"]) == ["B=1", "HOME=/a"])
        #expect(SpecificationBuilder.withHome("/a", ["HOME=/b"]) == ["HOME=/b"])
        #expect(SpecificationBuilder.withHome("/a", ["HOME="]) == ["HOME=/a"])
        #expect(SpecificationBuilder.withHome(nil, ["B=1"]) == ["B=1"])
    }

    @Test func `a command inside has the home of its own user`() throws {
        var own = RuntimeProcess()
        own.env = ["A=1"]
        var request = RuntimeExecRequest(id: "e", container: "c", arguments: ["true"])
        request.home = "/srv"
        #expect(try ConmonRuntime.process(request, from: own, bounding: []).env == ["A=1", "HOME=/srv"])
        own.env = ["HOME=/own"]
        #expect(try ConmonRuntime.process(request, from: own, bounding: []).env == ["HOME=/own"])
    }

    @Test func `a variable without a value is none, of a command inside as well`() throws {
        #expect(SpecificationBuilder.overlaid(["A=1", "B=2"], with: ["A", "C"]) == ["B=2"])
        var own = RuntimeProcess()
        own.env = ["A=1", "B=2"]
        var request = RuntimeExecRequest(id: "e", container: "c", arguments: ["true"])
        request.environment = ["A"]
        #expect(try ConmonRuntime.process(request, from: own, bounding: []).env == ["B=2"])
    }

    @Test func `what is not there is refused with Docker's words`() throws {
        for (text, message) in [
            ("ghost", "unable to find user ghost: no matching entries in passwd file"),
            ("www:ghost", "unable to find group ghost: no matching entries in group file"),
            ("4000000000", "uids and gids must be in range 0-2147483647"),
        ] {
            let error = #expect(throws: RuntimeError.self) { _ = try resolver.resolve(text) }
            #expect(error?.message == message)
        }
    }

    @Test func `additional groups are added once`() throws {
        #expect(try resolver.resolve("www", additional: ["adm", "99"]).additionalGroups == [4, 5, 99])
    }
}
