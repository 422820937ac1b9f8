/// What crun says of a failure, in runc's terms: those that Docker's users and their scripts know.
enum CrunMessages {
    /// - Parameters:
    ///   - line: The last line of crun's, as in ``executable file `x` not found in $PATH: No such file or directory``.
    ///   - program: The first word of the command, which crun does not always name.
    static func translated(_ line: String, of operation: RuntimeError.Operation, program: String) -> String {
        switch operation {
        case .create, .start:
            let begin = "runc \(operation == .create ? "create" : "start") failed: "
            if let name = line.quoted(after: "the sysctl `", before: "` is not namespaced") {
                return "\(begin)sysctl \"\(name)\" is not in a separate kernel namespace"
            }
            if let cause = cause(line, program) { return "\(begin)unable to start container process: \(cause)" }
            return "crun \(operation == .create ? "create" : "start") failed: \(loweredError(line))"
        case .exec:
            return "exec failed: unable to start container process: \(cause(line, program) ?? loweredError(line))"
        }
    }

    private static func cause(_ line: String, _ program: String) -> String? {
        let error = loweredError(line).suffix(after: ": ") ?? ""
        if let name = line.quoted(after: "executable file `", before: "` not found in $PATH") {
            return name.contains("/")
                ? "exec: \"\(name)\": stat \(name): no such file or directory"
                : "exec: \"\(name)\": executable file not found in $PATH"
        }
        if line.hasPrefix("open executable: ") {
            if program.isEmpty { return "exec: \"\": executable file not found in $PATH" }
            switch error {
            // A directory is "not permitted".
            case "permission denied", "operation not permitted": return "exec: \"\(program)\": permission denied"
            default: return "exec: \"\(program)\": stat \(program): \(error)"
            }
        }
        if let path = line.quoted(after: "chdir `", before: "`: ") {
            return "chdir to cwd (\"\(path)\") set in config.json failed: \(error)"
        }
        if line.hasPrefix("mount `"), let source = line.quoted(after: "mount `", before: "` to `"),
            let target = line.quoted(after: "` to `", before: "`: ")
        {
            return "error during container init: error mounting \"\(source)\" to rootfs at \"/\(target)\": \(error)"
        }
        if ["open /proc/sys/", "setrlimit `", "sethostname: "].contains(where: line.hasPrefix) {
            return "error during container init: \(loweredError(line))"
        }
        if line.hasPrefix("writing file `") {
            return "unable to apply cgroup configuration: \(loweredError(line))"
        }
        return nil
    }

    /// The error's text at the end as Go writes it: C's begins with a capital letter.
    private static func loweredError(_ line: String) -> String {
        guard let last = line.suffix(after: ": "), let first = last.first, first.isUppercase else { return line }
        return line.dropLast(last.count) + first.lowercased() + last.dropFirst()
    }
}

extension String {
    /// What stands between two texts; `nil` when one of them is missing.
    fileprivate func quoted(after start: String, before end: String) -> String? {
        guard let from = position(of: start, from: startIndex)?.upperBound,
            let to = position(of: end, from: from)?.lowerBound
        else { return nil }
        return String(self[from..<to])
    }

    /// What follows the last occurrence.
    fileprivate func suffix(after mark: String) -> Substring? {
        var found: Substring?
        var from = startIndex
        while let range = position(of: mark, from: from) {
            found = self[range.upperBound...]
            from = range.upperBound
        }
        return found
    }

    private func position(of text: String, from start: Index) -> Range<Index>? {
        self[start...].firstRange(of: text)
    }
}
