import Templates

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
