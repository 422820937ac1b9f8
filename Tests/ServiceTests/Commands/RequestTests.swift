import Commands
import DockerClient
import Foundation
import Synchronization
import Testing

/// What each command sends for each of its flags.
@Suite(.timeLimit(.minutes(5)))
struct RequestTests {
    @Test(arguments: CommandList.all.map(\.path))
    func `a command sends what its table says`(path: String) async throws {
        let rows = try RequestTable.rows(path.replacing(" ", with: "-"))
        #expect(!rows.isEmpty, "no table for \(path)")
        try await RequestTable.each(of: rows) { row in
            let run = try await CommandRun.apus(row)
            let text = RequestText(directory: run.directory)
            #expect(
                run.requests.map(text.text) == (try row.requests.map(text.whole)),
                "$ \(row.line): \(run.requests.map(text.text))")
            let printed = run.output.split(separator: "\n").map(String.init)
            for line in row.printed { #expect(printed.contains(line), "$ \(row.line): \(run.output)") }
            let message = run.errors.split(separator: "\n").first.map(String.init) ?? ""
            #expect(
                run.status == 0 ? row.failure == nil : row.failure == message, "$ \(row.line): \(run.status) \(message)"
            )
        }
    }

    @Test func `every flag of every command is in its table`() throws {
        for command in CommandList.all {
            var missing = Set(command.flags.map(\.name)).subtracting(["help"])
            for row in try RequestTable.rows(RequestTable.name(of: command)) {
                let words = try row.words
                let (found, _, count) = try #require(CommandList.find(words), "\(row.line)")
                #expect(found?.path == command.path, "$ \(row.line) stands in the table of \(command.path)")
                let parsed = try FlagParser(command.flags, stopsAtArgument: command.stopsAtArgument).parse(
                    Array(words.dropFirst(count)))
                missing.subtract(parsed.values.keys.filter(row.shows))
            }
            #expect(missing.isEmpty, "\(command.path): no row shows --\(missing.sorted().joined(separator: ", --"))")
        }
    }
}

/// A command line as it was run before a ``RequestRecorder``, in a directory of its own.
struct CommandRun: Sendable {
    var directory: String
    var requests: [RecordedRequest]
    var status: Int32
    /// Of the stock command line none is kept.
    var output = ""
    var errors: String

    /// Runs a row with this build's command line.
    static func apus(_ row: RequestRow) async throws -> CommandRun {
        try await run(row) { words, environment in
            let output = Mutex<[UInt8]>([])
            let errors = Mutex<[UInt8]>([])
            let input = Mutex<[UInt8]>(Array(row.input.utf8))
            let console = ConsoleIO(
                write: { descriptor, bytes in
                    if descriptor == 1 { output.withLock { $0 += bytes } }
                    if descriptor == 2 { errors.withLock { $0 += bytes } }
                },
                read: { descriptor, count in
                    guard descriptor == 0 else { return try ConsoleIO.process.read(descriptor, count) }
                    return input.withLock { rest in
                        defer { rest = Array(rest.dropFirst(count)) }
                        return rest.isEmpty ? nil : Array(rest.prefix(count))
                    }
                },
                isTerminal: { _ in false }, signals: { _ in AsyncStream { $0.finish() } })
            let status = await ConsoleIO.$current.withValue(console) {
                await Shell(environment: environment).run(words)
            }
            return (
                status, String(decoding: output.withLock { $0 }, as: UTF8.self),
                String(decoding: errors.withLock { $0 }, as: UTF8.self)
            )
        }
    }

    /// Files that rows name: variables, labels, a profile, an archive, a directory, and credentials for two registries.
    /// - Parameter program: Gives the exit status, what was printed and what was told as an error.
    static func run(
        _ row: RequestRow, _ program: @Sendable ([String], [String: String]) async throws -> (Int32, String, String)
    ) async throws -> CommandRun {
        let directory = "/tmp/apus-rows-\(UUID().uuidString.prefix(8))"
        let files = FileManager.default
        try files.createDirectory(atPath: directory + "/.docker", withIntermediateDirectories: true)
        try files.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: directory) }  // Nobody else has it.
        let account = Data("me:secret".utf8).base64EncodedString()
        for (name, content) in [
            "env": "# comment\nFILE=1\nFROM_HERE\n", "labels": "l=1\n",
            "seccomp": #"{"defaultAction": "SCMP_ACT_ALLOW"}"#,
            "tar": String(repeating: "\0", count: 1024), "data/f": "x",
            ".docker/config.json":
                #"{"auths":{"https://index.docker.io/v1/":{"auth":"\#(account)"},"registry.example":{"auth":"\#(account)"}}}"#,
        ] { try Data(content.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)")) }
        let words = try row.words.map { $0.replacing("$DIR", with: directory) }
        return try await RequestRecorder.with(directory + "/socket") { recorder in
            let environment = [
                "HOME": directory, "DOCKER_HOST": "unix://\(directory)/socket", "FROM_HERE": "1",
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "DOCKER_CLI_HINTS": "false",
            ]
            let (status, output, errors) = try await program(words, environment)
            return CommandRun(
                directory: directory, requests: recorder.recorded, status: status, output: output,
                errors: errors.replacing(directory, with: "$DIR"))
        }
    }
}
