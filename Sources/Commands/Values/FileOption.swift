import DockerTypes
import Templates

/// `--secret` and `--config`: a name, or `source=…,target=…,uid=…,gid=…,mode=…`.
enum FileOption {
    /// - Parameter kind: `secret` or `config`, for the words of a refusal.
    static func parse(_ text: String, kind: String) throws(ValueError) -> (source: String, file: FileReference.File) {
        var source = ""
        var file = FileReference.File(name: "", owner: "0", group: "0", mode: 0o444)
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            guard let value = given else {
                guard source.isEmpty, !field.contains("=") else {
                    throw ValueError("invalid field '\(field)' must be a key=value pair")
                }
                source = field
                continue
            }
            switch key.lowercased() {
            case "source", "src": source = value
            case "target": file.name = value
            case "uid": file.owner = value
            case "gid": file.group = value
            case "mode":
                guard let bits = mode(value) else {
                    throw ValueError(
                        "invalid mode specified: strconv.ParseUint: parsing \(GoText.quoted(value)): invalid syntax")
                }
                file.mode = bits
            default: throw ValueError("invalid field in \(kind) request: \(key)")
            }
        }
        guard !source.isEmpty else { throw ValueError("source is required") }
        if file.name.isEmpty { file.name = source }
        return (source, file)
    }

    /// Octal after a zero, otherwise decimal, and by the prefixes of other bases. Source: Go, `strconv.ParseUint` of base 0.
    private static func mode(_ text: String) -> Int64? {
        guard text.first?.isNumber == true else { return nil }
        let digits = text.dropFirst(2)
        let bits: Int64? =
            switch text.prefix(2).lowercased() {
            case "0x": Int64(digits, radix: 16)
            case "0o": Int64(digits, radix: 8)
            case "0b": Int64(digits, radix: 2)
            case let start: Int64(text, radix: start.hasPrefix("0") ? 8 : 10)
            }
        guard let bits, (0...0xffff_ffff).contains(bits) else { return nil }
        return bits
    }
}
