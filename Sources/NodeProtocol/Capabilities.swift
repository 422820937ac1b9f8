import Addressing
package import Model
import SwiftProtobuf

/// Something of the protocol that not every version of Apus understands.
package struct Capability: Sendable {
    /// As programs tell it to each other; never changes.
    package let name: String
    /// The first version that has it.
    package let since: String
    /// Whether a program without it cannot take part. What others lack is kept from them by the closure below; facts of
    /// networks that a node does not know it passes over by itself.
    package let isRequired: Bool
    /// Takes what needs the capability out of a task.
    package let leaveOutOfTask: @Sendable (inout SwarmTask) -> Void

    /// One that every program must have.
    package init(required name: String, since: String) {
        self.name = name
        self.since = since
        isRequired = true
        leaveOutOfTask = { _ in }
    }

    /// One that programs may lack.
    package init(
        _ name: String, since: String, leaveOutOfTask: @escaping @Sendable (inout SwarmTask) -> Void = { _ in }
    ) {
        self.name = name
        self.since = since
        isRequired = false
        self.leaveOutOfTask = leaveOutOfTask
    }
}

/// What a version of Apus understands, and what it asks of others.
package struct Capabilities: Sendable {
    package let version: String
    package let all: [Capability]

    package init(version: String, _ all: [Capability]) {
        self.all = all
        self.version = version
    }

    /// Networks whose keys managers tell. Who does not know of them gets no task in one, and is told of none.
    package static let overlayKeys = Capability("overlay-keys", since: "0.4.0")

    /// The routing mesh in both families. Who does not know of it has no place of IPv6 in the ingress network, and neither have its tasks.
    package static let dualMesh = Capability("mesh-ipv6", since: "0.4.0") { task in
        for place in (task.networksAttachments ?? []).indices {
            guard let attachment = task.networksAttachments?[place], attachment.network.spec.ingress == true else {
                continue
            }
            let four = attachment.addresses.filter { $0.v4 != nil }
            if !four.isEmpty { task.networksAttachments?[place].addresses = four }
        }
    }

    /// Ports in a row as one. Who does not know of it gets a task's ports one by one, and publishes of a row of the mesh the first alone.
    package static let portRows = Capability("port-rows", since: "0.4.0") { task in
        guard let ports = task.assignment?.ports else { return }
        task.assignment?.ports = ports.single
    }

    /// Names and parameters of tasks' links. Who does not know of them makes the links as usual.
    package static let linkOptions = Capability("link-options", since: "0.4.0") { task in
        for place in (task.networksAttachments ?? []).indices { task.networksAttachments?[place].driverOpts = nil }
    }

    /// This program's.
    package static let present = Capabilities(
        version: ProductVersion.text,
        [
            // Objects in messages are records, see `Record`.
            Capability(required: "records", since: "0.3.0"),
            // Networks are told of as facts that change, see `NetworkChangeSet`.
            Capability(required: "network-facts", since: "0.4.0"),
            // What a node has applied of them it says in its session.
            Capability(required: "network-progress", since: "0.4.0"),
            overlayKeys, dualMesh, portRows, linkOptions,
        ])

    /// Whether another program has one of them.
    package static func has(_ capability: Capability, _ program: Wire.Program) -> Bool {
        program.capabilities.contains(capability.name)
    }

    /// What others are told. Names that they do not know mean nothing to them.
    package var program: Wire.Program {
        .with {
            $0.version = version
            $0.capabilities = all.map(\.name)
        }
    }

    /// What another program lacks.
    package func missing(in program: Wire.Program) -> [Capability] {
        let names = Set(program.capabilities)
        return all.filter { !names.contains($0.name) }
    }

    /// Why another program cannot take part; `nil` when it can.
    /// - Parameter name: How the reason calls it.
    package func refusal(of program: Wire.Program, called name: String) -> String? {
        let missing = missing(in: program).filter(\.isRequired)
        guard let needed = Self.newest(missing.map(\.since)) else { return nil }
        return "\(name) runs \(Self.text(program)), which is too old: it needs version \(needed) or later "
            + "(\(Self.names(missing)))"
    }

    /// What is kept from a node, for whoever looks at it; `nil` for nothing.
    package func note(on program: Wire.Program) -> String? {
        let missing = missing(in: program).filter { !$0.isRequired }
        guard let needed = Self.newest(missing.map(\.since)) else { return nil }
        return "runs \(Self.text(program)): does without what needs version \(needed) (\(Self.names(missing)))"
    }

    private static func text(_ program: Wire.Program) -> String {
        program.version.isEmpty ? "a version of Apus that does not say which" : "Apus \(program.version)"
    }

    private static func names(_ capabilities: [Capability]) -> String {
        capabilities.map(\.name).joined(separator: ", ")
    }

    /// By their numbers.
    private static func newest(_ versions: [String]) -> String? {
        func numbers(_ version: String) -> [Int] { version.split(separator: ".").map { Int($0) ?? 0 } }
        return versions.max { numbers($0).lexicographicallyPrecedes(numbers($1)) }
    }
}
