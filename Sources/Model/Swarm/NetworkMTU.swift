extension SwarmNetwork {
    package static let mtuOption = "com.docker.network.driver.mtu"

    /// What a link may have: IPv4's least, and the most that a packet's length can say.
    private static let links = 68...65_535

    /// The MTU that a network's options ask for; `nil` for none, and for one that no link can have.
    package static func mtu(_ options: [String: String]?) -> Int? {
        options?[mtuOption].flatMap { Int($0) }.flatMap { links.contains($0) ? $0 : nil }
    }

    /// - Throws: `.invalidInput` naming a value that no link can have.
    package static func checkMTU(_ options: [String: String]?) throws(NetworkOptionError) {
        guard let text = options?[mtuOption], !text.isEmpty, mtu(options) == nil else { return }
        throw NetworkOptionError.invalidMTU(text: text, range: links)
    }
}
