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

    var lab: String { name ?? nameOption ?? "lab" }

    func run() async throws {
        let (state, nodes) = try await LabCluster(name: lab).status()
        switch format {
        case .json: print(try LabReport(state, nodes).json())
        case .text:
            let subnets = state.options.underlay.subnets.map { "\($0)" }.joined(separator: ", ")
            print("lab \(state.name), underlay \(subnets)")
            for status in nodes {
                let daemon = status.daemonIsRunning ? "running" : "not running"
                let cable = status.isPartitioned ? ", partitioned" : ""
                let node = status.node
                let addresses = Self.text(node.addresses)
                print("  \(node.name)  \(node.role)  \(addresses)  \(daemon)\(cable)  \(node.dockerHost)")
            }
            print("  client  \(Self.text(state.client.addresses))")
            print("  internet  \(Self.text(state.internet.addresses))")
        }
    }

    private static func text(_ addresses: LabAddresses) -> String {
        addresses.all.map { "\($0)" }.joined(separator: ", ")
    }
}
