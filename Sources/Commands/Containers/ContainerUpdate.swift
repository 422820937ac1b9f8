import DockerClient
import Model
import Templates

extension Command {
    static let containerUpdate = Command(
        "container update", aliases: ["update"], arity: .atLeast(1),
        hidden: "      --kernel-memory bytes   Not used any more",
        help: """
            Usage:  apus container update [OPTIONS] CONTAINER [CONTAINER...]

            Update configuration of one or more containers

            Aliases:
              apus container update, apus update

            Options:
                  --blkio-weight uint16        Share of block I/O, 10 to 1000; 0 for no say (default 0)
                  --cpu-period int             Length of a CFS period in microseconds
                  --cpu-quota int              Processor time in a CFS period, in microseconds
                  --cpu-rt-period int          Length of a real-time period in microseconds
                  --cpu-rt-runtime int         Real-time processor time in a period, in microseconds
              -c, --cpu-shares int             Share of processor time among others
                  --cpus decimal               Processors at most, with fractions
                  --cpuset-cpus string         Processors to run on (0-3, 0,1)
                  --cpuset-mems string         Memory nodes to use (0-3, 0,1)
              -m, --memory bytes               Memory at most
                  --memory-reservation bytes   Memory to be content with when it is short
                  --memory-swap bytes          Memory and swap together; -1 for any amount
                  --pids-limit int             Processes at most; -1 for any number
                  --restart string             When to start it again
            """
    ) { call in
        let flags = call.flags
        guard !flags.values.isEmpty else {
            throw ExitError(1, "you must provide one or more flags when using this command")
        }
        var changes = HostConfiguration()
        changes.blkioWeight = flags.integer("blkio-weight").map { UInt16(clamping: $0) } ?? 0
        changes.cpuPeriod = flags.integer("cpu-period") ?? 0
        changes.cpuQuota = flags.integer("cpu-quota") ?? 0
        changes.cpuRealtimePeriod = flags.integer("cpu-rt-period") ?? 0
        changes.cpuRealtimeRuntime = flags.integer("cpu-rt-runtime") ?? 0
        changes.cpuShares = flags.integer("cpu-shares") ?? 0
        changes.nanoCpus = try flags.cpus("cpus") ?? 0
        changes.cpusetCpus = flags.string("cpuset-cpus") ?? ""
        changes.cpusetMems = flags.string("cpuset-mems") ?? ""
        changes.memory = try flags.byteCount("memory") ?? 0
        changes.memoryReservation = try flags.byteCount("memory-reservation") ?? 0
        changes.memorySwap = try flags.byteCount("memory-swap", allowsUnlimited: true) ?? 0
        changes.pidsLimit = flags.integer("pids-limit")
        if let restart = flags.string("restart") { changes.restartPolicy = try RestartOption.parse(restart) }
        let body = try JSON(encoding: changes)
        let client = try await call.client()
        var warnings: [String] = []
        var failures: [String] = []
        for name in call.arguments {
            do {
                let answer = try await client.json(.post(ContainerRoute.of(name, "/update"), [], body))
                Console.line(name)
                warnings += answer["Warnings"].strings
            } catch { failures.append("\(error)") }
        }
        if !warnings.isEmpty { Console.line(warnings.joined(separator: "\n")) }
        guard failures.isEmpty else { throw ExitError(1, failures.joined(separator: "\n")) }
    }

    static let containerPrune = Command(
        "container prune", arity: .none,
        help: """
            Usage:  apus container prune [OPTIONS]

            Remove all stopped containers

            Options:
                  --filter filter   Only those that fit (e.g. "until=<timestamp>")
              -f, --force           Ask nothing
            """
    ) { call in
        guard try await Prune.mayGoOn(call, "WARNING! This will remove all stopped containers.") else { return }
        let answer = try await Prune.ask(call, "/containers/prune")
        Prune.report("Deleted Containers:", answer["ContainersDeleted"].strings)
        Prune.reclaimed(answer)
    }
}
