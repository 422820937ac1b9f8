import LinuxSystem

/// Names for containers whose creators give none, and the form that a given name must have.
enum ContainerNames {
    private static let qualities = [
        "agile", "airy", "bold", "brisk", "calm", "clever", "deft", "eager", "fleet", "gentle", "happy", "keen",
        "light",
        "lively", "merry", "nimble", "patient", "quick", "quiet", "rapid", "serene", "sharp", "silent", "sleek",
        "steady",
        "sunny", "swift", "tidy", "vivid", "wise",
    ]
    private static let birds = [
        "avocet", "bittern", "bunting", "curlew", "dipper", "dunlin", "egret", "falcon", "fulmar", "gannet", "godwit",
        "harrier", "heron", "hobby", "kestrel", "knot", "lapwing", "linnet", "martin", "merlin", "osprey", "petrel",
        "pipit", "plover", "redstart", "siskin", "starling", "swallow", "tern", "wagtail", "warbler", "wren",
    ]

    static func random() -> String {
        let bytes = RandomID.bytes(3)
        return "\(qualities[Int(bytes[0]) % qualities.count])_\(birds[Int(bytes[1]) % birds.count])\(bytes[2] % 10)"
    }

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
