import Commands
import DockerClient
import Foundation
import Testing
@testable import Templates

/// What is to be sent for a command line.
///
/// Tables are texts, one a command (`Requests/container-run.txt`), of rows with a blank line between:
///
///     $ container rename a b            the command line; $DIR is a directory of the row's own
///     < secret                          standard input, if any
///     ? reason                          the stock command does otherwise, and why
///     POST /containers/a/rename?name=b  each request but those for the API's version, with its query in order of names
///       {"A":1}                         its body, if there is one: see ``RequestText``
///       ~{"A":1}                        or how it changes what was read before it, as a merge patch (RFC 7396)
///       auth {"username":"me"}          credentials for a registry, unless it is nobody's
///     > text                            a line that the command prints
///     ! message                         the command fails so
///
/// A row without a request says what else comes of it: a line that is printed, or that it fails.
struct RequestRow: Sendable {
    var line = ""
    var input = ""
    var difference: String?
    var requests: [String] = []
    var printed: [String] = []
    var failure: String?

    /// Without the program's name, `$DIR` as it stands.
    var words: [String] { get throws { try ShellWords.split(line) } }

    /// Whether the row shows what a flag of its line is good for. In a row that fails these are the flags that the message names, or all of them
    /// where the row says that they are refused.
    func shows(_ flag: String) -> Bool {
        guard let failure else { return !requests.isEmpty || !printed.isEmpty }
        return failure.contains("--\(flag)") || difference?.hasPrefix("refused:") == true
    }
}

enum RequestTable {
    static func name(of command: Command) -> String { command.path.replacing(" ", with: "-") }

    static func rows(_ name: String) throws -> [RequestRow] {
        guard let url = Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Requests") else {
            return []
        }
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n\n").map { block in
            var row = RequestRow()
            for line in block.split(separator: "\n") {
                let rest = String(line.dropFirst(2))
                switch line.prefix(2) {
                case "$ ": row.line = rest
                case "< ": row.input = rest
                case "? ": row.difference = rest
                case "> ": row.printed.append(rest)
                case "! ": row.failure = rest
                case "  " where !row.requests.isEmpty: row.requests[row.requests.count - 1] += "\n" + line
                default: row.requests.append(String(line))
                }
            }
            try #require(!row.line.isEmpty, "a row of \(name) without a command line: \(block)")
            try #require(
                !row.requests.isEmpty || !row.printed.isEmpty || row.failure != nil,
                "a row of \(name) of which nothing comes: \(block)")
            return row
        }
    }

    /// Goes through rows, some at a time: most of each is waiting for a program or a connection.
    static func each(
        of rows: [RequestRow], _ body: @escaping @Sendable (RequestRow) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, row) in rows.enumerated() {
                if index >= 4 { try await group.next() }
                group.addTask { try await body(row) }
            }
            try await group.waitForAll()
        }
    }

    static func all() throws -> [RequestRow] { try CommandList.all.flatMap { try rows(name(of: $0)) } }
}

/// Requests as tables write them, so that those that an engine takes for the same are the same text: names in order, and without the members
/// that Go's types read as if they were absent.
struct RequestText {
    /// Members for which absence says something else than Go's zero value: pointers in the API's types, and lists that are told from none.
    private static let telling: Set<String> = [
        "EnableIPv4", "EnableIPv6", "Global", "GlobalJob", "Init", "KeepOldSnapshots", "MaskedPaths", "MaxAttempts",
        "MaxConcurrent", "MemorySwappiness", "OomKillDisable", "Parallelism", "PidsLimit", "ReadonlyPaths",
        "Replicas", "Replicated", "ReplicatedJob", "StopGracePeriod", "StopTimeout", "TaskHistoryRetentionLimit",
        "TotalCompletions", "Delay", "Window",
    ]
    /// Objects whose names are the user's.
    private static let dictionaries: Set<String> = [
        "Annotations", "AuxiliaryAddresses", "Config", "DriverOpts", "EndpointsConfig", "ExposedPorts", "Labels",
        "Options", "PortBindings", "StorageOpt", "Sysctls", "Tmpfs", "Volumes",
    ]

    /// What the stock command sends for flags that are not given, and the engine takes for nothing.
    private static let defaults: [String: JSON] = [
        "Availability": "active", "ConsoleSize": [0, 0], "MemorySwappiness": -1, "OomKillDisable": false,
        "PidsLimit": 0,
    ]

    /// Lists that the stock command has in maps and sends in an order of chance.
    private static let unordered: Set<String> = ["Binds", "Config", "Env", "Ports", "Ulimits"]

    /// Without the differences between command lines that are none for the engine.
    var comparesCommandLines = false
    /// The row's own directory, for which `$DIR` stands.
    let directory: String

    func body(_ value: JSON, in name: String = "") -> JSON {
        switch value {
        case .object(let members):
            let isData = Self.dictionaries.contains(name)
            return .object(
                members.compactMap { member -> JSON.Member? in
                    let value = body(member.value, in: isData ? "" : member.name)
                    if !isData {
                        if member.value.isNull { return nil }
                        if comparesCommandLines, Self.defaults[member.name] == member.value { return nil }
                        if Self.isZero(value), !Self.telling.contains(member.name) { return nil }
                    }
                    return JSON.Member(member.name, value)
                }.sorted { $0.name < $1.name })
        case .array(let elements) where comparesCommandLines && Self.unordered.contains(name):
            return .array(elements.map { body($0) }.sorted { "\($0)" < "\($1)" })
        case .array(let elements): return .array(elements.map { body($0) })
        default: return value
        }
    }

    private static func isZero(_ value: JSON) -> Bool {
        value == 0 || value == "" || value == false || value == .array([]) || value == .object([])
    }

    /// As a row has it; a body that changes what was read is written whole.
    func text(_ request: RecordedRequest) -> String {
        let path = comparesCommandLines ? request.path.replacing("/docker.io/library/", with: "/") : request.path
        var text = "\(request.method) \(path)"
        let items = request.query.map { ($0.name, queryValue($0.value ?? "")) }
            .filter { !comparesCommandLines || !["", "false", "{}"].contains($0.1) }
        if !items.isEmpty { text += "?" + items.map { "\($0.0)=\($0.1)" }.sorted().joined(separator: "&") }
        if let value = try? JSON(parsing: request.body) {  // Archives are none.
            let body = body(value)
            if body != .object([]) { text += "\n  " + body.compact() }
        } else if !request.body.isEmpty {
            text += "\n  <\(request.body.count) bytes>"
        }
        if let credentials = credentials(request), credentials != .object([]) {
            text += "\n  auth " + credentials.compact()
        }
        return text.replacing(directory, with: "$DIR")
    }

    private func queryValue(_ value: String) -> String {
        if value.hasPrefix("{"), let filters = try? JSON(parsing: Array(value.utf8)) {  // Otherwise as it is.
            return body(filters, in: "Labels").compact()
        }
        guard comparesCommandLines else { return value }
        // Times with a fraction or without; names of images with the standard registry or without.
        return value.replacing(/^(\d+\.\d*?)0+$/) { String($0.1).replacing(/\.$/, with: "") }
            .replacing(/^docker\.io\/(library\/)?/, with: "")
    }

    private func credentials(_ request: RecordedRequest) -> JSON? {
        guard var text = request.headers.first(name: "X-Registry-Auth") else { return nil }
        text = text.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        // Another form of the header is shown as none.
        return Data(base64Encoded: text).flatMap { try? JSON(parsing: $0) }.map { body($0) }
    }

    /// A row's request with the whole body in place of a patch.
    func whole(_ request: String) throws -> String {
        var lines = request.split(separator: "\n").map(String.init)
        let path = String(lines[0].split(separator: " ")[1].prefix { $0 != "?" })
        for index in lines.indices where lines[index].hasPrefix("  ~") {
            let specification = try #require(
                RecorderAnswer.specification(updatedAt: path), "nothing was read for \(path)")
            let before = body(try JSON(parsing: Array(specification.utf8)))
            let patch = try JSON(parsing: Array(lines[index].dropFirst(3).utf8))
            lines[index] = "  " + body(before.merged(with: patch)).compact()
        }
        return lines.joined(separator: "\n")
    }
}

extension JSON {
    /// RFC 7396.
    fileprivate func merged(with patch: JSON) -> JSON {
        guard case .object(let changes) = patch else { return patch }
        var result = self
        if case .object = self {} else { result = .object([]) }
        for change in changes {
            result[change.name] = change.value.isNull ? .null : result[change.name].merged(with: change.value)
        }
        return result
    }
}
