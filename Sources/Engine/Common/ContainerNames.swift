import Model

/// Names for containers whose creators give none, and the form that a given name must have.
enum ContainerNames {
    static func random() -> String { RandomName.make() }

    /// A name as it is kept: Docker shows names with a slash before them, and programs that make a container anew hand them back so.
    static func bare(_ name: String) -> String { name.hasPrefix("/") ? String(name.dropFirst()) : name }

    /// Docker's form: a letter or digit, then at least one of letters, digits, `_`, `.`, `-`.
    static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        guard bytes.count >= 2, isAlphanumeric(bytes[0]) else { return false }
        return bytes.dropFirst().allSatisfy { isAlphanumeric($0) || $0 == 95 || $0 == 46 || $0 == 45 }
    }
}
