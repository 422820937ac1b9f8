/// The option `com.docker.network.bridge.enable_icc`, which overlays have as well as bridges: whether the containers of a network may talk to each other.
package enum InterContainer {
    package static let option = "com.docker.network.bridge.enable_icc"

    /// Whether an overlay's options keep its containers apart.
    package static func isOff(_ options: [String: String]?) -> Bool {
        options?[option].flatMap { GoFlag.parse($0) } == false
    }

    /// - Throws: ``NetworkOptionError/unreadable(option:value:reason:)``, as of a bridge.
    package static func check(_ options: [String: String]?) throws(NetworkOptionError) {
        guard let text = options?[option], GoFlag.parse(text) == nil else { return }
        throw .unreadable(
            option: option, value: text, reason: "strconv.ParseBool: parsing \"\(text)\": invalid syntax")
    }
}
