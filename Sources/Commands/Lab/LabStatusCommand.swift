import ArgumentParser
import Faults
import Lab

struct LabStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Tell how a lab is.")

    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Argument(help: "The lab's name.")
    var name: String?
    @Option(name: .customLong("name"), help: "The same.")
    var nameOption: String?
    @Option(help: "text or json")
    var format = Format.text

    func run() async throws {
        let (state, nodes) = try await Lab(name: name ?? nameOption ?? "lab").status()
        switch format {
        case .json: print(try LabReport(state, nodes).json())
        case .text:
            print("lab \(state.name), underlay \(state.subnet)")
            for status in nodes {
                let daemon = status.daemonIsRunning ? "running" : "not running"
                let cable = status.isPartitioned ? ", partitioned" : ""
                let node = status.node
                print("  \(node.name)  \(node.role)  \(node.address)  \(daemon)\(cable)  \(node.dockerHost)")
            }
            print("  client  \(state.client.address)")
            print("  internet  \(state.internet.address)")
        }
    }
}
