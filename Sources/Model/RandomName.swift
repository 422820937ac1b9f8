/// Names for what is made without one, in Docker's form: `nimble_kestrel4`.
package enum RandomName {
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

    /// A new one at each call, not necessarily unused.
    package static func make() -> String {
        let pair = (qualities.randomElement() ?? "plain", birds.randomElement() ?? "bird")
        return "\(pair.0)_\(pair.1)\(Int.random(in: 0...9))"
    }

    /// One that is not taken; `nil` after some tries without luck.
    package static func make(unless isTaken: (String) -> Bool) -> String? {
        for _ in 0..<tries {
            let name = make()
            if !isTaken(name) { return name }
        }
        return nil
    }

    private static let tries = 32
}
