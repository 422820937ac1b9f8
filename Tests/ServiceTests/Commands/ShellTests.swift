import Commands
import Foundation
import Synchronization
import Testing

/// What the command line says of itself, without a daemon.
@Suite struct ShellTests {
    private func run(_ words: [String]) async -> (status: Int32, output: String, errors: String) {
        let written = Mutex<[CInt: [UInt8]]>([:])
        let console = ConsoleIO(
            write: { descriptor, bytes in written.withLock { $0[descriptor, default: []] += bytes } },
            read: { _, _ in nil }, isTerminal: { _ in false }, signals: { _ in AsyncStream { $0.finish() } })
        let status = await ConsoleIO.$current.withValue(console) {
            await Shell(environment: ["HOME": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent"]).run(words)
        }
        let texts = written.withLock { $0 }.mapValues { String(decoding: $0, as: UTF8.self) }
        return (status, texts[1] ?? "", texts[2] ?? "")
    }

    @Test func `a flag that a group does not have is told with the group's name alone`() async {
        let told = await run(["service", "--foo"])
        let words = "unknown flag: --foo\n\nUsage:  apus service\n\nRun 'apus service --help' for more information\n"
        #expect(told.status == 125 && told.output.isEmpty && told.errors == words)
    }

    @Test(
        arguments: [
            (["image", "-Z"], "unknown shorthand flag: 'Z' in -Z\n\nUsage:  apus image\n"),
            (["volume", "--foo"], "unknown flag: --foo\n\nUsage:  apus volume COMMAND\n"),
            (["node", "foo", "--bar"], "unknown flag: --bar\n\nUsage:  apus node\n"),
        ] as [([String], String)])
    func `flags of groups are told as those of commands`(words: [String], start: String) async {
        let told = await run(words)
        #expect(told.status == 125 && told.output.isEmpty && told.errors.hasPrefix(start), "\(told.errors)")
    }

    @Test func `help is shown beside a command that there is not`() async {
        for (words, start) in [
            (["foo", "--help"], "Usage:  apus [OPTIONS] COMMAND\n"),
            (["node", "foo", "--help"], "Usage:  apus node COMMAND\n"),
        ] {
            let help = await run(words)
            #expect(help.status == 0 && help.errors.isEmpty && help.output.hasPrefix(start), "\(words)")
        }
    }

    @Test(arguments: [[], ["service"], ["node"], ["container"]])
    func `help that was not asked for is no output`(words: [String]) async {
        let bare = await run(words)
        #expect(bare.status == 0 && bare.output.isEmpty && bare.errors.hasPrefix("Usage:  apus "))
        for asked in [words + ["--help"], ["help"] + words] {
            let help = await run(asked)
            #expect(help.status == 0 && help.errors.isEmpty && help.output == bare.errors)
        }
    }

    @Test(
        arguments: [
            (["--log-level", "foo", "ps"], "Unable to parse logging level: foo\n"),
            (
                ["volume", "foo"],
                "apus: unknown command: apus volume foo\n\nUsage:  apus volume COMMAND\n\n"
                    + "Run 'apus volume --help' for more information\n"
            ),
            (
                ["node", "--", "foo"],
                "apus: unknown command: apus node foo\n\nUsage:  apus node\n\nRun 'apus node --help' for more information\n"
            ),
            (["help", "foo"], "unknown help topic: foo\n"), (["help", "service", "foo"], "unknown help topic: foo\n"),
            (["help", "ps", "a", "b"], "unknown help topic: a b\n"),
            (
                ["inspect", "--type", "foo", "x"],
                "unknown type: \"foo\": must be one of \"config\", \"container\", \"image\", \"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"\n"
            ),
            (
                ["cp"],
                """
                apus: 'apus cp' requires 2 arguments

                Usage:  apus cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-
                \tapus cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH

                Run 'apus cp --help' for more information

                """
            ),
        ] as [([String], String)])
    func `what is wrong is told in docker's words, before a daemon is asked`(words: [String], errors: String) async {
        let told = await run(words)
        #expect(told.status == 1 && told.output.isEmpty && told.errors == errors)
    }

    @Test(
        arguments: [
            ("bash", "_apus() {\n", "complete -F _apus apus\n"), ("zsh", "#compdef apus\n", "compdef _apus apus\n"),
            ("fish", "function __apus_complete\n", "complete -c apus -a '(__apus_complete)'\n"),
        ] as [(String, String, String)])
    func `a shell's script asks this program`(shell: String, start: String, end: String) async {
        let told = await run(["completion", shell])
        #expect(told.status == 0 && told.errors.isEmpty, "\(told.errors)")
        #expect(told.output.hasPrefix(start) && told.output.hasSuffix(end), "\(told.output)")
        #expect(told.output.contains("apus __complete "))
    }

    @Test(arguments: [["completion"], ["completion", "ksh"]])
    func `there are no scripts for other shells`(words: [String]) async {
        let told = await run(words)
        let usage = "Usage:  apus completion bash|zsh|fish\n\n"
        #expect(told.status == 1 && told.output.isEmpty && told.errors.hasPrefix(usage), "\(told.errors)")
    }
}
