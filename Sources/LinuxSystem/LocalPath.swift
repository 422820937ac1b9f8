import Glibc

/// Paths of this machine.
package enum LocalPath {
    /// Of a path that may be relative to where the program was begun. What is handed on to other programs, which may begin elsewhere, has to be.
    package static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return normalized(path) }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard let start = getcwd(&buffer, buffer.count) else { return path }
        return normalized(String(cString: start) + "/" + path)
    }

    /// Without `.`, `..` and double slashes.
    package static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
