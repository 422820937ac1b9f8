/// Docker's placeholders in a service's environment, host name and mounts: `{{.Task.Slot}}`.
///
/// Fields only; of Go's template language nothing else is known. Source: Docker's documentation of `service create`, "Create services
/// using templates".
package struct ServiceTemplate: Sendable {
    /// Placeholder without braces and spaces, as in `.Node.ID` → what it stands for.
    private let values: [String: String]

    private static let names: Set<String> = [
        ".Service.ID", ".Service.Name", ".Node.ID", ".Node.Hostname", ".Node.Platform.OS",
        ".Node.Platform.Architecture", ".Task.ID", ".Task.Name", ".Task.Slot",
    ]
    private static let labels = ".Service.Labels."
    /// What has fields → its type as an error of Docker's calls it.
    private static let types = [
        "": "template.Context",
        ".Service": "struct { ID string; Name string; Labels map[string]string }",
        ".Node": "struct { ID string; Hostname string; Platform template.Platform }",
        ".Node.Platform": "template.Platform", ".Task": "struct { ID string; Name string; Slot string }",
    ]
    /// Words that Go's templates and Docker know.
    private static let functions: Set<String> = [
        "and", "block", "break", "call", "continue", "define", "else", "end", "eq", "false", "ge", "gt", "html", "if",
        "index", "join", "js", "le", "len", "lt", "ne", "nil", "not", "or", "print", "printf", "println", "range",
        "slice", "template", "true", "urlquery", "with",
    ]

    /// Why a text is no template.
    package enum Fault: Error, Equatable {
        /// Docker refuses it, too, in these words.
        case wrong(String)
        /// A template that Docker expands and Apus does not: its action, with the braces.
        case notBuilt(String)
    }

    /// - Parameter hostname: The node's.
    package init(task: SwarmTask, nodeID: String, hostname: String, platform: NodeDescription.Platform) {
        var values = [
            ".Service.ID": task.serviceID, ".Service.Name": task.assignment?.serviceName ?? "",
            ".Node.ID": nodeID, ".Node.Hostname": hostname, ".Node.Platform.OS": platform.system,
            ".Node.Platform.Architecture": platform.architecture, ".Task.ID": task.id,
            // A task of a global service has its node in place of a slot.
            ".Task.Name": task.containerName, ".Task.Slot": task.slot.map(String.init) ?? nodeID,
        ]
        for (name, value) in task.assignment?.serviceLabels ?? [:] { values[Self.labels + name] = value }
        self.values = values
    }

    /// - Throws: ``Fault`` for a text that ``expand(_:)`` leaves as it is.
    package static func check(_ text: String) throws(Fault) { _ = try pieces(of: text) }

    /// The text with every placeholder replaced; a label that the service does not have is `<no value>`. A text that is no template stays
    /// as it is: services are checked when they are created.
    package func expand(_ text: String) -> String {
        guard let pieces = try? Self.pieces(of: text) else { return text }  // As said above.
        return pieces.map { piece in
            switch piece {
            case .text(let text): String(text)
            case .placeholder(let name): values[name] ?? "<no value>"
            }
        }.joined()
    }

    private enum Piece {
        case text(Substring)
        case placeholder(String)
    }

    private static func pieces(of text: String) throws(Fault) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text[...]
        var trimsNext = false
        func add(_ text: Substring, trimsEnd: Bool) {
            var text = text
            if trimsNext { text = text.drop(while: \.isWhitespace) }
            while trimsEnd, text.last?.isWhitespace == true { text = text.dropLast() }
            if !text.isEmpty { pieces.append(.text(text)) }
        }
        while let start = rest.firstRange(of: "{{") {
            guard let end = rest[start.upperBound...].firstRange(of: "}}") else {
                throw .wrong(at(text, start.lowerBound, column: false, "unclosed action"))
            }
            var action = rest[start.upperBound..<end.lowerBound]
            let trims = action.first == "-" && action.dropFirst().first?.isWhitespace == true
            if trims { action = action.dropFirst() }
            add(rest[..<start.lowerBound], trimsEnd: trims)
            trimsNext = action.last == "-" && action.dropLast().last?.isWhitespace == true
            if trimsNext { action = action.dropLast() }
            while action.first?.isWhitespace == true { action = action.dropFirst() }
            while action.last?.isWhitespace == true { action = action.dropLast() }
            try check(action, whole: String(rest[start.lowerBound..<end.upperBound]), in: text)
            pieces.append(.placeholder(String(action)))
            rest = rest[end.upperBound...]
        }
        add(rest, trimsEnd: false)
        return pieces
    }

    private static func check(_ action: Substring, whole: String, in text: String) throws(Fault) {
        if names.contains(String(action))
            || (action.hasPrefix(labels) && action.dropFirst(labels.count).allSatisfy(isName))
        {
            return
        }
        if action.isEmpty { throw .wrong(at(text, action.startIndex, column: false, "missing value for command")) }
        let word = action.prefix(while: isName)
        if let first = word.first, !first.isNumber, !functions.contains(String(word)) {
            throw .wrong(at(text, action.startIndex, column: false, "function \"\(word)\" not defined"))
        }
        // A chain of fields goes on to where there is no such field.
        guard action.first == ".", action.allSatisfy({ $0 == "." || isName($0) }), !action.contains(".."),
            action.last != "."
        else { throw .notBuilt(whole) }
        var known = ""
        for field in action.split(separator: ".") {
            let next = "\(known).\(field)"
            if types[next] != nil || next + "." == labels {
                known = next
            } else if let type = types[known] {
                let reason = "executing \"expansion\" at <\(action)>: can't evaluate field \(field) in type \(type)"
                // Go counts a chain from its second field.
                let place = action.dropFirst().firstIndex(of: ".") ?? action.startIndex
                throw .wrong(at(text, place, column: true, reason))
            } else {
                break
            }
        }
        throw .notBuilt(whole)
    }

    private static func isName(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// An error as Go's templates tell it.
    private static func at(_ text: String, _ place: String.Index, column: Bool, _ reason: String) -> String {
        let before = text[..<place].utf8
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let offset = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count
        return "template: expansion:\(line)\(column ? ":\(offset)" : ""): \(reason)"
    }
}

extension Mount {
    /// The mount with placeholders replaced where Docker does so: paths, and what its volume is made with.
    package func expanded(by template: ServiceTemplate) -> Mount {
        var mount = self
        mount.source = template.expand(source)
        mount.target = template.expand(target)
        mount.volumeOptions?.labels = volumeOptions?.labels?.mapValues(template.expand)
        mount.volumeOptions?.driverConfig?.options = volumeOptions?.driverConfig?.options?.mapValues(template.expand)
        return mount
    }
}
