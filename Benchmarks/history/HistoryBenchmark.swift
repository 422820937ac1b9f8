import ArgumentParser
import Foundation
import Glibc
import LinuxSystem

/// What a node's sampling costs, and how soon its history is there; one line each:
///
///     bench NAME VALUE UNIT aim=… met|missed
@main struct HistoryBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history-benchmark",
        abstract: "What sampling containers costs, and how soon their history is there.")

    @Option(help: "Directory for the files of history; it is made, and removed in the end.")
    var directory: String

    @Option(help: "How many containers a node has.")
    var containers = 300

    @Flag(help: "A few samples of everything, to see that it works.")
    var quick = false

    func run() async throws {
        try Files.makeDirectories(directory)
        do {
            try await SamplingCost(directory: directory, containers: containers, rounds: quick ? 12 : 360).measure()
            try await HistoryTimes(directory: directory, containers: containers, seconds: quick ? 1800 : 6 * 3600)
                .measure()
        } catch {
            try Files.removeTree(directory)
            throw error
        }
        try Files.removeTree(directory)
    }
}

/// Prints one figure.
func tell(_ name: String, _ value: Double, _ unit: String, atMost aim: Double) {
    let shown = String(format: "%.3f", value)
    print("bench \(name) \(shown) \(unit) aim=<=\(String(format: "%g", aim)) \(value <= aim ? "met" : "missed")")
    fflush(nil)
}

/// What this process has used.
enum OwnCost {
    /// User and system time.
    static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Bytes in memory.
    static func residentBytes() throws -> Int {
        let words = (try Files.text("/proc/self/statm") ?? "").split(separator: " ")
        return (words.dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }
}
