import ContainerRuntime
import Testing

/// crun 1.8 and runc 1.1 were given the same containers; what runc said is on the right.
@Suite struct CrunWordsTests {
    private static let begin = "failed to create shim task: OCI runtime create failed: "

    private static let created: [(said: String, program: String, wanted: String, code: Int)] = [
        (
            "executable file `nosuch` not found in $PATH: No such file or directory", "nosuch",
            "runc create failed: unable to start container process: exec: \"nosuch\": executable file not found in $PATH",
            127
        ),
        (
            "executable file `/nosuch` not found in $PATH: No such file or directory", "/nosuch",
            "runc create failed: unable to start container process: exec: \"/nosuch\": stat /nosuch: no such file or "
                + "directory", 127
        ),
        (
            "open executable: Permission denied", "/plain",
            "runc create failed: unable to start container process: exec: \"/plain\": permission denied", 126
        ),
        (
            "open executable: Operation not permitted", "/etc",
            "runc create failed: unable to start container process: exec: \"/etc\": permission denied", 126
        ),
        (
            "open executable: Operation not permitted", "",
            "runc create failed: unable to start container process: exec: \"\": executable file not found in $PATH", 127
        ),
        (
            "open executable: Not a directory", "/etc/passwd/x",
            "runc create failed: unable to start container process: exec: \"/etc/passwd/x\": stat /etc/passwd/x: not a "
                + "directory", 128
        ),
        (
            "the sysctl `vm.swappiness` is not namespaced", "true",
            "runc create failed: sysctl \"vm.swappiness\" is not in a separate kernel namespace", 128
        ),
        (
            "open /proc/sys/net/foo: No such file or directory", "true",
            "runc create failed: unable to start container process: error during container init: open "
                + "/proc/sys/net/foo: no such file or directory", 128
        ),
        (
            "sethostname: Invalid argument", "true",
            "runc create failed: unable to start container process: error during container init: sethostname: invalid "
                + "argument", 128
        ),
        (
            "mount `/etc` to `plain`: Not a directory", "true",
            "runc create failed: unable to start container process: error during container init: error mounting "
                + "\"/etc\" to rootfs at \"/plain\": not a directory", 128
        ),
        (
            "writing file `cpuset.cpus`: Numerical result out of range", "true",
            "runc create failed: unable to start container process: unable to apply cgroup configuration: writing file "
                + "`cpuset.cpus`: numerical result out of range", 128
        ),
        ("something else: Input/output error", "true", "crun create failed: something else: input/output error", 128),
    ]

    @Test(arguments: created.indices) func `a create that failed is told in Docker's words`(_ index: Int) {
        let (said, program, wanted, code) = Self.created[index]
        let error = RuntimeError.failed(.create, said + "\n", by: .crun, program: program)
        #expect(error.message == "\(Self.begin)\(wanted): unknown")
        #expect(error.exitCode == code)
    }

    @Test func `so is an exec`() {
        let missing = RuntimeError.failed(
            .exec, "executable file `nosuch` not found in $PATH: No such file or directory\n", by: .crun,
            program: "nosuch")
        #expect(
            missing.message == "OCI runtime exec failed: exec failed: unable to start container process: exec: "
                + "\"nosuch\": executable file not found in $PATH: unknown")
        #expect(missing.exitCode == 127)
        let directory = RuntimeError.failed(.exec, "chdir `/plain`: Not a directory", by: .crun, program: "true")
        #expect(
            directory.message == "OCI runtime exec failed: exec failed: unable to start container process: chdir to "
                + "cwd (\"/plain\") set in config.json failed: not a directory: unknown")
    }

    @Test func `runc's words stay as they are`() {
        let said =
            "time=\"2026-11-25T12:48:21Z\" level=error msg=\"runc create failed: unable to start container process: "
            + "exec: \\\"/plain\\\": permission denied\"\n"
        let error = RuntimeError.failed(.create, said, by: .runc, program: "/plain")
        #expect(
            error.message == Self.begin
                + "runc create failed: unable to start container process: exec: \"/plain\": permission denied: unknown")
        #expect(error.exitCode == 126)
    }
}
