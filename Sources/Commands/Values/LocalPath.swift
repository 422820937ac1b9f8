import Glibc

/// Paths of this machine.
enum LocalPath {
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return normalized(path) }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let start = getcwd(&buffer, buffer.count) else { return path }
        return normalized(String(cString: start) + "/" + path)
    }

    /// Without `.`, `..` and double slashes.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
