/// What `run` and `create` take.
enum RunHelp {
    /// Older names of flags.
    static let hidden = """
              --net network         The same as --network
              --net-alias list      The same as --network-alias
              --dns-opt list        The same as --dns-option
        """

    /// The options, but for those of these names; an option's text goes on in the lines that name no other.
    static func options(without names: Set<String>) -> String {
        var isLeftOut = false
        let kept = text.split(separator: "\n").filter { line in
            let elements = line.split(separator: " ")
            if let name = elements.prefix(2).first(where: { $0.hasPrefix("--") }) {
                isLeftOut = names.contains(String(name.dropFirst(2)))
            }
            return !isLeftOut
        }
        return kept.joined(separator: "\n")
    }

    private static let text = """
        Options:
              --add-host list                    One more line of /etc/hosts (name:address)
              --annotation map                   Annotation for the OCI runtime (default map[])
          -a, --attach list                      Stream to connect: stdin, stdout or stderr
              --blkio-weight uint16              Share of block I/O, 10 to 1000; 0 for no say (default 0)
              --blkio-weight-device list         Share of block I/O of one device (default [])
              --cap-add list                     Capabilities beyond the usual ones
              --cap-drop list                    Capabilities to go without
              --cgroup-parent string             Cgroup to make the container's below
              --cgroupns string                  Whose cgroups are seen: 'host' the node's, 'private' its own, ''
                                                 as the engine is set
              --cidfile string                   File to put the container's id into
              --cpu-count int                    Processors (Windows)
              --cpu-percent int                  Share of processors in percent (Windows)
              --cpu-period int                   Length of a CFS period in microseconds
              --cpu-quota int                    Processor time in a CFS period, in microseconds
              --cpu-rt-period int                Length of a real-time period in microseconds
              --cpu-rt-runtime int               Real-time processor time in a period, in microseconds
          -c, --cpu-shares int                   Share of processor time among others
              --cpus decimal                     Processors at most, with fractions
              --cpuset-cpus string               Processors to run on (0-3, 0,1)
              --cpuset-mems string               Memory nodes to use (0-3, 0,1)
          -d, --detach                           Leave it running and print its id
              --detach-keys string               Keys that leave the container to itself
              --device list                      Device of the node to give
              --device-cgroup-rule list          Rule for devices in the cgroup
              --device-read-bps list             Bytes a second read from a device (default [])
              --device-read-iops list            Reads a second from a device (default [])
              --device-write-bps list            Bytes a second written to a device (default [])
              --device-write-iops list           Writes a second to a device (default [])
              --disable-content-trust            Ask for no signatures (default true)
              --dns list                         Name server in place of the node's
              --dns-option list                  Option of resolv.conf
              --dns-search list                  Domain to search
              --domainname string                Domain of the container's name
              --entrypoint string                Program in place of the image's
          -e, --env list                         Variable for the process
              --env-file list                    File of variables, one a line
              --expose list                      Port, or ports, that the container serves
              --gpus gpu-request                 Graphics processors to give ("all" for each)
              --group-add list                   Further group of the process
              --health-cmd string                Command that tells whether the container is well
              --health-interval duration         From one check to the next (ms|s|m|h) (default 0s)
              --health-retries int               Failures in a row until it counts as ill
              --health-start-interval duration   From one check to the next while it starts (ms|s|m|h) (default
                                                 0s)
              --health-start-period duration     How long failures do not count after the start (ms|s|m|h)
                                                 (default 0s)
              --health-timeout duration          How long a check may take (ms|s|m|h) (default 0s)
              --help                             Show this text
          -h, --hostname string                  Host name within the container
              --init                             A small init passes signals on and reaps children
          -i, --interactive                      Keep standard input open
              --io-maxbandwidth bytes            Bandwidth of the system drive (Windows)
              --io-maxiops uint                  Operations a second of the system drive (Windows)
              --ip string                        IPv4 address to have
              --ip6 string                       IPv6 address to have
              --ipc string                       Whose IPC namespace
              --isolation string                 Kind of isolation (Windows)
              --kernel-memory bytes              Memory that the kernel may use for it
          -l, --label list                       Label of the container
              --label-file list                  File of labels, one a line
              --link list                        Name for another container
              --link-local-ip list               Link-local address
              --log-driver string                Where output is kept
              --log-opt list                     Option of the log driver
              --mac-address string               MAC address to have (e.g., 92:d0:c6:0a:29:33)
          -m, --memory bytes                     Memory at most
              --memory-reservation bytes         Memory to be content with when it is short
              --memory-swap bytes                Memory and swap together; -1 for any amount
              --memory-swappiness int            How readily memory is swapped out, 0 to 100 (default -1)
              --mount mount                      Volume, directory or tmpfs to show
              --name string                      What the container is called
              --network network                  Network to join
              --network-alias list               Another name on the network
              --no-healthcheck                   Without the image's health check
              --oom-kill-disable                 Never killed for want of memory
              --oom-score-adj int                How readily it is killed for want of memory, -1000 to 1000
              --pid string                       Whose processes are seen
              --pids-limit int                   Processes at most; -1 for any number
              --platform string                  Only this one of several platforms ("os[/arch[/variant]]")
              --privileged                       Without the usual fences
          -p, --publish list                     Port to open
          -P, --publish-all                      Publish each exposed port at one of the node's choice
              --pull string                      When to fetch the image ("always", "missing", "never") (default
                                                 "missing")
          -q, --quiet                            No progress
              --read-only                        The root cannot be written
              --restart string                   When to start it again (default "no")
              --rm                               Remove it, and its nameless volumes, when it ends
              --runtime string                   OCI runtime
              --security-opt list                Seccomp, labels and the like
              --shm-size bytes                   How large /dev/shm is
              --sig-proxy                        Hand signals on to the process (default true)
              --stop-signal string               Signal that asks it to end
              --stop-timeout int                 Seconds from the signal to SIGKILL
              --storage-opt list                 Option of the storage driver
              --sysctl map                       Kernel parameter to set (default map[])
              --tmpfs list                       Directory to keep in memory
          -t, --tty                              With a terminal
              --ulimit ulimit                    Limit of resources (default [])
              --use-api-socket                   Show the engine's socket and credentials
          -u, --user string                      Who runs the process (<name|uid>[:<group|gid>])
              --userns string                    Whose user namespace
              --uts string                       Whose host name
          -v, --volume list                      Directory or volume to show
              --volume-driver string             Driver of its volumes
              --volumes-from list                Show the mounts of another container
          -w, --workdir string                   Directory to begin in
        """
}
