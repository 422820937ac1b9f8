package import EngineInterface

extension LogDriverOptions {
    /// What `labels`, `labels-regex`, `env` and `env-regex` choose of a container's labels and variables, by their names.
    /// - Throws: `.invalidPattern`.
    package func extras(of origin: LogOrigin) throws(LogOptionError) -> [String: String] {
        var extras: [String: String] = [:]
        var variables: [String: String] = [:]
        for variable in origin.environment {
            let halves = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { variables[String(halves[0])] = String(halves[1]) }
        }
        for (option, all) in [("labels", origin.labels), ("env", variables)] {
            for name in (text(option) ?? "").split(separator: ",").map(String.init) {
                if let value = all[name] { extras[name] = value }
            }
            guard let pattern = text(option + "-regex") else { continue }
            let regex: Regex<AnyRegexOutput>
            do { regex = try Regex(pattern) } catch {
                throw .invalidPattern(pattern: pattern, reason: "\(error)")
            }
            for (name, value) in all where name.firstMatch(of: regex) != nil { extras[name] = value }
        }
        return extras
    }
}
