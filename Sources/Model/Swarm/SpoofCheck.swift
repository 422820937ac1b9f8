/// The option `apus.spoofcheck` of a network: whether its containers are held to the addresses that they were given. Off, they
/// may use those that are nobody's as well.
package enum SpoofCheck {
    package static let option = "apus.spoofcheck"
    private static let off: Set<String> = ["off", "false", "0"]
    private static let on: Set<String> = ["on", "true", "1", ""]

    /// Whether a network's options switch it off. Without the option it is on.
    package static func isOff(_ options: [String: String]?) -> Bool {
        options?[option].map { off.contains($0.lowercased()) } ?? false
    }

    /// - Throws: `.invalidInput` naming a value that is neither.
    package static func check(_ options: [String: String]?) throws(NetworkOptionError) {
        guard let value = options?[option]?.lowercased(), !off.contains(value), !on.contains(value) else { return }
        throw NetworkOptionError.neitherOnNorOff(option: option, value: value)
    }
}
