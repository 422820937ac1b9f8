/// How Apus's own options of networks are switched: on by their name alone.
enum OnOff {
    private static let off: Set<String> = ["off", "false", "0"]
    private static let on: Set<String> = ["on", "true", "1", ""]

    /// What an option says; `nil` without it, and for what is neither.
    static func read(_ option: String, of options: [String: String]?) -> Bool? {
        guard let text = options?[option]?.lowercased() else { return nil }
        return on.contains(text) ? true : off.contains(text) ? false : nil
    }

    /// - Throws: ``NetworkOptionError/neitherOnNorOff(option:value:)``.
    static func check(_ option: String, of options: [String: String]?) throws(NetworkOptionError) {
        guard let value = options?[option]?.lowercased(), read(option, of: options) == nil else { return }
        throw .neitherOnNorOff(option: option, value: value)
    }
}
