import Commands
import Foundation
import LinuxSystem
import Testing

/// The stock command line is given the same lines as this build's, before the same recorder: what they ask an engine to do is the same. Rows
/// that say why they differ (`?`) are left out.
@Suite(.timeLimit(.minutes(10)), .enabled(if: StockCLI.isComparable))
struct StockRequestTests {
    @Test(arguments: CommandList.all.map(\.path))
    func `the stock command sends the same`(path: String) async throws {
        let rows = try RequestTable.rows(path.replacing(" ", with: "-")).filter { $0.difference == nil }
        try await RequestTable.each(of: rows) { row in
            async let running = CommandRun.apus(row)
            let stock = try await CommandRun.stock(row)
            let own = try await running
            #expect(Self.compared(own) == Self.compared(stock), "$ \(row.line): \(stock.status) \(stock.errors)")
        }
    }

    /// What is asked to be done, in no order; of a command that only looks, what it looks at.
    private static func compared(_ run: CommandRun) -> [String] {
        var text = RequestText(directory: run.directory)
        text.comparesCommandLines = true
        let changes = run.requests.filter { !["GET", "HEAD"].contains($0.method) && !isWaiting($0.path) }
        let looks = run.requests.filter { $0.method == "GET" && !isLookup($0) }
        guard changes.isEmpty else { return changes.map(text.text).sorted() }
        return Set(looks.map(text.text)).sorted()
    }

    /// The stock command waits for detached containers, too, and clears the cache of a builder that there is not here.
    private static func isWaiting(_ path: String) -> Bool { path.hasSuffix("/wait") || path == "/build/prune" }

    /// One asks for all names of services and nodes, the other for one after another.
    private static func isLookup(_ request: RecordedRequest) -> Bool {
        request.query.allSatisfy { ["", "false"].contains($0.value ?? "") }
            && ["/services", "/nodes", "/networks", "/info", "/swarm"].contains {
                request.path == $0 || request.path.hasPrefix($0 + "/")
            }
    }
}

extension CommandRun {
    /// Runs a row with the stock command line.
    fileprivate static func stock(_ row: RequestRow) async throws -> CommandRun {
        try await run(row) { words, environment in
            let input = row.input
            return try await onThread {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
                process.arguments = ["-k", "5", "20", StockCLI.path ?? "docker"] + words
                process.environment = environment
                let (standardInput, errors) = (Pipe(), Pipe())
                process.standardInput = standardInput
                process.standardOutput = FileHandle.nullDevice
                process.standardError = errors
                try process.run()
                try standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                try standardInput.fileHandleForWriting.close()
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                return (process.terminationStatus, "", text)
            }
        }
    }
}

extension StockCLI {
    /// What older ones send differs in more than is known here.
    private static let oldest = 28

    static var isComparable: Bool {
        guard let path = path else { return false }
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["--version"]
        process.standardOutput = output
        // One that does not run is none.
        guard (try? process.run()) != nil else { return false }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.firstMatch(of: /version (\d+)\./).flatMap { Int($0.1) }.map { $0 >= oldest } ?? false
    }
}
