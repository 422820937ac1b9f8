import Commands
import Model
import Testing

@Suite struct CompletionTests {
    private func kind(_ line: String..., after given: Int = 0) throws -> String {
        Completion.kind(of: given, in: try #require(CommandList.find(line)?.command))
    }

    @Test func `an argument completes to what the usage names at its place`() throws {
        #expect(try kind("exec") == "CONTAINER")
        #expect(try kind("exec", after: 1) == "COMMAND")
        #expect(try kind("stop") == "CONTAINER" && kind("stop", after: 4) == "[CONTAINER...]")
        #expect(try kind("network", "connect") == "NETWORK" && kind("network", "connect", after: 1) == "CONTAINER")
        #expect(try kind("run") == "IMAGE")
        #expect(try kind("service", "update") == "SERVICE")
        #expect(try kind("node", "ps") == "[NODE...]")
        #expect(try kind("ps") == "")
    }

    @Test func `what a lab's help points to exists`() throws {
        let help = Apus.labHelp(["lab"])
        #expect(help.contains("SUBCOMMANDS:") && help.contains("apus help lab"), "\(help)")
        for (name, summary) in Apus.labCommands {
            let text = Apus.labHelp(["lab", name])
            #expect(text.contains(summary) && text.contains("lab \(name)"), "\(text)")
        }
        #expect(Apus.labCommands.contains { $0.name == "kill" } && !Apus.labCommands.contains { $0.name == "internet" })
    }

    @Test func `the command line has the build's version`() {
        #expect(Shell.version == ProductVersion.text)
    }
}
