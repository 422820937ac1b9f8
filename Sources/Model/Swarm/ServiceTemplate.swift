/// Docker's placeholders in a service's environment, host name and mounts: `{{.Task.Slot}}`.
///
/// Fields only; Go's template functions are not known. Source: Docker's documentation of `service create`, "Create services using templates".
package struct ServiceTemplate: Sendable {
    /// Placeholder without braces and spaces, as in `.Node.ID` → what it stands for.
    private let values: [String: String]

    private static let names: Set<String> = [
        ".Service.ID", ".Service.Name", ".Node.ID", ".Node.Hostname", ".Node.Platform.OS",
        ".Node.Platform.Architecture", ".Task.ID", ".Task.Name", ".Task.Slot",
    ]
    private static let labels = ".Service.Labels."

    /// - Parameter hostname: The node's.
    package init(task: SwarmTask, nodeID: String, hostname: String, platform: NodeDescription.Platform) {
        var values = [
            ".Service.ID": task.serviceID, ".Service.Name": task.assignment?.serviceName ?? "",
            ".Node.ID": nodeID, ".Node.Hostname": hostname, ".Node.Platform.OS": platform.system,
            ".Node.Platform.Architecture": platform.architecture, ".Task.ID": task.id,
            ".Task.Name": task.containerName, ".Task.Slot": task.slot.map(String.init) ?? "",
        ]
        for (name, value) in task.assignment?.serviceLabels ?? [:] { values[Self.labels + name] = value }
        self.values = values
    }

    /// Placeholders of a text that are not known, with their braces.
    package static func strangers(in text: String) -> [String] {
        pieces(of: text).compactMap { piece in
            guard case .placeholder(let name, let whole) = piece, !names.contains(name), !name.hasPrefix(labels) else {
                return nil
            }
            return whole
        }
    }

    /// The text with every placeholder replaced; a label that the service does not have is `<no value>`, as in Docker.
    package func expand(_ text: String) -> String {
        Self.pieces(of: text).map { piece in
            switch piece {
            case .text(let text): text
            case .placeholder(let name, _): values[name] ?? "<no value>"
            }
        }.joined()
    }

    private enum Piece {
        case text(String)
        case placeholder(String, whole: String)
    }

    private static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "{{"), let end = rest[start.upperBound...].firstRange(of: "}}") {
            pieces.append(.text(String(rest[..<start.lowerBound])))
            let name = rest[start.upperBound..<end.lowerBound].filter { $0 != " " }
            pieces.append(.placeholder(String(name), whole: String(rest[start.lowerBound..<end.upperBound])))
            rest = rest[end.upperBound...]
        }
        pieces.append(.text(String(rest)))
        return pieces
    }
}
