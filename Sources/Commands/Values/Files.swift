import DockerClient
import Glibc
import LinuxSystem

enum Paths {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The bytes of a file a user named, or the system's words in Go's form: `open x: no such file or directory`.
    static func read(_ path: String) throws -> [UInt8] {
        do { return try Descriptor.open(path, O_RDONLY).readToEnd() } catch {
            throw ExitError(1, "open \(path): \(SystemText.lowered(error.errno))")
        }
    }
}

enum SystemText {
    /// An error of the system, as Go words it: the C library's words in lower case.
    static func lowered(_ errno: CInt) -> String {
        let text = String(cString: strerror(errno))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}

/// `--env` and `--env-file`, `--label` and `--label-file`.
enum SettingFiles {
    /// Lines of the files first, then the flags; a bare name takes its value from this program's environment.
    static func environment(_ call: Invocation, files: String, flags: String) throws -> [String] {
        try call.flags.list(files).flatMap { try lines($0, call, takesBareNames: true) }
            + call.flags.list(flags).map { resolved($0, call) }.compactMap { $0 }
    }

    /// The value of this program's environment for a bare name; without one the name stays, which takes the image's
    /// variable away.
    private static func resolved(_ item: String, _ call: Invocation) -> String? {
        guard !item.contains("=") else { return item }
        return call.session.environment[item].map { "\(item)=\($0)" } ?? item
    }

    static func labels(_ call: Invocation, files: String?, flags: String) throws -> [String: String] {
        let fromFiles = try files.map { try call.flags.list($0).flatMap { try lines($0, call, takesBareNames: false) } }
        return GoText.dictionary((fromFiles ?? []) + call.flags.list(flags))
    }

    private static func lines(_ path: String, _ call: Invocation, takesBareNames: Bool) throws -> [String] {
        let text = String(decoding: try Paths.read(path), as: UTF8.self)
        return try text.split(separator: "\n", omittingEmptySubsequences: true).compactMap { raw in
            var line = raw.drop { $0 == " " || $0 == "\t" }
            if line.hasSuffix("\r") { line = line.dropLast() }
            guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
            let (key, value) = GoText.pair(String(line))
            guard !key.isEmpty else {
                throw ExitError(1, "invalid environment file (\(path)): no variable name on line '\(line)'")
            }
            guard !key.contains(where: { $0 == " " || $0 == "\t" }) else {
                throw ExitError(1, "invalid environment file (\(path)): variable '\(key)' contains whitespaces")
            }
            if value != nil { return String(line) }
            guard takesBareNames else { return String(line) }
            return call.session.environment[key].map { "\(key)=\($0)" }
        }
    }
}

/// `--filter` in the API's form.
enum Filters {
    /// `{"name":{"a":true}}`; `nil` without filters.
    static func encoded(_ items: [String]) -> String? {
        var filters: [String: [String]] = [:]
        for item in items where !item.isEmpty {
            let (key, value) = GoText.pair(item)
            let name = key.lowercased().filter { $0 != " " }
            let trimmed = value ?? ""
            if filters[name]?.contains(trimmed) != true { filters[name, default: []].append(trimmed) }
        }
        guard !filters.isEmpty else { return nil }
        return encoded(filters)
    }

    static func encoded(_ filters: [String: [String]]) -> String {
        func set(_ values: [String]) -> JSON { .object(values.map { JSON.Member($0, true) }) }
        return JSON.object(filters.sorted { $0.key < $1.key }.map { JSON.Member($0.key, set($0.value)) }).compact()
    }

    static func query(_ items: [String]) -> [(String, String)] {
        encoded(items).map { [("filters", $0)] } ?? []
    }
}
