import DockerClient

extension Verb {
    static let containerUpdate = Verb(
        "container update", aliases: ["update"], arity: .atLeast(1),
        hidden: "      --kernel-memory bytes   Not used any more",
        help: """
            Usage:  apus container update [OPTIONS] CONTAINER [CONTAINER...]

            Update configuration of one or more containers

            Aliases:
              apus container update, apus update

            Options:
                  --blkio-weight uint16        Block IO (relative weight), between 10 and 1000, or 0 to
                                               disable (default 0)
                  --cpu-period int             Limit CPU CFS (Completely Fair Scheduler) period
                  --cpu-quota int              Limit CPU CFS (Completely Fair Scheduler) quota
                  --cpu-rt-period int          Limit the CPU real-time period in microseconds
                  --cpu-rt-runtime int         Limit the CPU real-time runtime in microseconds
              -c, --cpu-shares int             CPU shares (relative weight)
                  --cpus decimal               Number of CPUs
                  --cpuset-cpus string         CPUs in which to allow execution (0-3, 0,1)
                  --cpuset-mems string         MEMs in which to allow execution (0-3, 0,1)
              -m, --memory bytes               Memory limit
                  --memory-reservation bytes   Memory soft limit
                  --memory-swap bytes          Swap limit equal to memory plus swap: -1 to enable
                                               unlimited swap
                  --pids-limit int             Tune container pids limit (set -1 for unlimited)
                  --restart string             Restart policy to apply when a container exits
            """
    ) { call in
        let flags = call.flags
        func number(_ name: String) -> JSON? { flags.integer(name).map { JSON($0) } }
        func bytes(_ name: String) throws -> JSON? {
            try flags.string(name).map { JSON(try ByteCount.parse($0, allowsUnlimited: name == "memory-swap")) }
        }
        guard !flags.values.isEmpty else {
            throw ExitError(1, "you must provide one or more flags when using this command")
        }
        let body = JSON.fields([
            "BlkioWeight": number("blkio-weight"), "CpuPeriod": number("cpu-period"), "CpuQuota": number("cpu-quota"),
            "CpuRealtimePeriod": number("cpu-rt-period"), "CpuRealtimeRuntime": number("cpu-rt-runtime"),
            "CpuShares": number("cpu-shares"),
            "NanoCpus": try flags.string("cpus").map { JSON(try CPUCount.nanoseconds($0)) },
            "CpusetCpus": flags.string("cpuset-cpus").map { .string($0) },
            "CpusetMems": flags.string("cpuset-mems").map { .string($0) }, "Memory": try bytes("memory"),
            "MemoryReservation": try bytes("memory-reservation"), "MemorySwap": try bytes("memory-swap"),
            "PidsLimit": number("pids-limit"),
            "RestartPolicy": try flags.string("restart").map { try RestartOption.parse($0) },
        ])
        let client = try await call.client()
        var warnings: [String] = []
        var failures: [String] = []
        for name in call.words {
            do {
                let answer = try await client.json(.post(ContainerPath.of(name, "/update"), [], body))
                Console.line(name)
                warnings += answer["Warnings"].strings
            } catch { failures.append("\(error)") }
        }
        if !warnings.isEmpty { Console.line(warnings.joined(separator: "\n")) }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }

    static let containerPrune = Verb(
        "container prune", arity: .none,
        help: """
            Usage:  apus container prune [OPTIONS]

            Remove all stopped containers

            Options:
                  --filter filter   Provide filter values (e.g. "until=<timestamp>")
              -f, --force           Do not prompt for confirmation
            """
    ) { call in
        guard try await Prune.mayGoOn(call, "WARNING! This will remove all stopped containers.") else { return }
        let answer = try await Prune.ask(call, "/containers/prune")
        Prune.report("Deleted Containers:", answer["ContainersDeleted"].strings)
        Prune.reclaimed(answer)
    }
}

/// What the commands that remove what is not used have in common.
enum Prune {
    /// Asks the user, unless `--force` answers.
    static func mayGoOn(_ call: Invocation, _ warning: String) async throws -> Bool {
        if call.flags.isSet("force") { return true }
        return try await Console.confirms("\(warning)\nAre you sure you want to continue?")
    }

    static func ask(_ call: Invocation, _ path: String, _ more: [String] = []) async throws -> JSON {
        try await call.client().json(.post(path, Filters.query(call.flags.list("filter") + more)))
    }

    static func report(_ title: String, _ names: [String]) {
        guard !names.isEmpty else { return }
        Console.line(([title] + names).joined(separator: "\n") + "\n")
    }

    static func reclaimed(_ answer: JSON) {
        Console.line("Total reclaimed space: \(Units.size(answer["SpaceReclaimed"].integer ?? 0))")
    }
}
