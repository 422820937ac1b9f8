import Templates

// Values of flags in the types of requests: `nil` for flags that were not given.
extension ParsedFlags {
    /// `nil` for an empty text, too.
    func text(_ name: String) -> String? { string(name).flatMap { $0.isEmpty ? nil : $0 } }
    /// `nil` for none.
    func texts(_ name: String) -> [String]? { list(name).isEmpty ? nil : list(name) }
    /// `key=value` items; `nil` for none.
    func dictionary(_ name: String) -> [String: String]? { texts(name).map(GoText.dictionary) }
    func isSetOrNil(_ name: String) -> Bool? { has(name) ? isSet(name) : nil }
    func number(_ name: String) -> Int? { integer(name).map { Int(clamping: $0) } }
    func unsigned(_ name: String) throws -> UInt64? { try string(name).map { try Numbers.parseUnsigned($0, bits: 64) } }
    /// Nanoseconds.
    func duration(_ name: String) throws -> Int64? { try string(name).map { try GoDuration.parse($0) } }
    func byteCount(_ name: String, allowsUnlimited: Bool = false) throws -> Int64? {
        try string(name).map { try ByteCount.parse($0, allowsUnlimited: allowsUnlimited) }
    }
    /// Billionths of a CPU.
    func cpus(_ name: String) throws -> Int64? { try string(name).map { try CPUCount.nanoseconds($0) } }
    /// Arguments in one text, as a shell parts them.
    func arguments(_ name: String) throws -> [String]? { try string(name).map { try ShellWords.split($0) } }

    func hasAny(_ names: [String]) -> Bool { names.contains { has($0) } }
}
