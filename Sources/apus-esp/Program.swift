import ArgumentParser
import CLinux
import ESP
import Glibc
import LinuxSystem
import Model

/// The process that encrypts what the node's encrypted overlays send. The daemon starts it and tells it all that it does; it outlives the daemon.
@main
struct Program: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-esp", abstract: "Encrypts what encrypted overlays send between nodes (ESP in UDP).",
        version: ProductVersion.text)

    @Option(help: "Where to listen to the daemon: a path, for root alone.")
    var socket = "/run/apus/esp.sock"

    @Option(help: "File of the sequence numbers, where a reboot empties it.")
    var counters = "/run/apus/esp.counters"

    @Option(help: "Sending and receiving threads with a UDP port each, 1 to 4. By default one for up to four processors.")
    var lanes = 0

    func validate() throws {
        guard (0...4).contains(lanes) else { throw ValidationError("--lanes \(lanes): 1 to 4 are wanted") }
    }

    func run() throws {
        // Keys are in this memory: no core dumps, nobody looks.
        try EncryptionProcess.hideMemory()
        try Signals.ignoreBrokenPipes()
        try Processes.raiseDescriptorLimit()
        let (stop, signalled) = try Descriptor.pipe(nonBlocking: true).split { ($0, $1.release()) }
        for signal in [SIGTERM, SIGINT] {
            try check(clinux_signal_to_descriptor(signal, signalled), "handle signal \(signal)")
        }
        let processors = Int(clamping: sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        let configuration = EncryptionProcess.Configuration(
            socket: socket, counters: counters,
            lanes: lanes == 0 ? EncryptionProcess.lanes(processors: processors) : lanes,
            productVersion: ProductVersion.text)
        try EncryptionProcess(configuration).run(stop: stop.raw)
    }
}
