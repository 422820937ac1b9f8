/// The option `apus.spoofcheck` of a network: whether its containers are held to the addresses that they were given. Off, they
/// may use those that are nobody's as well.
package enum SpoofCheck {
    package static let option = "apus.spoofcheck"

    /// Whether a network's options switch it off. Without the option it is on.
    package static func isOff(_ options: [String: String]?) -> Bool { OnOff.read(option, of: options) == false }

    /// - Throws: `.invalidInput` naming a value that is neither.
    package static func check(_ options: [String: String]?) throws(NetworkOptionError) {
        try OnOff.check(option, of: options)
    }
}
