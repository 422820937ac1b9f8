/// A domain name: labels from the host's to the top one, the root is the empty list. RFC 1035 §2.3 and §3.1.
///
/// Two names are equal whatever the case of their ASCII letters (RFC 4343); the spelling is kept.
package struct DomainName: Sendable {
    /// Each label holds 1 to 63 octets; together with their lengths they fit in 255.
    package let labels: [[UInt8]]

    /// The limit of a name in wire form, lengths and the root's zero included.
    package static let maximumWireLength = 255
    /// The limit of one label.
    package static let maximumLabelLength = 63

    /// The name of these labels, or `nil` when one is empty or too long, or all are.
    package init?(labels: [[UInt8]]) {
        var length = 1
        for label in labels {
            guard (1...Self.maximumLabelLength).contains(label.count) else { return nil }
            length += label.count + 1
        }
        guard length <= Self.maximumWireLength else { return nil }
        self.labels = labels
    }

    /// The name of a dotted text, with or without the final dot. `nil` when it is none.
    package init?(_ text: some StringProtocol) {
        var bytes = Array(text.utf8)
        if bytes.last == UInt8(ascii: ".") { _ = bytes.popLast() }
        if bytes.isEmpty {
            self.init(labels: [])
        } else {
            let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            self.init(labels: parts.map { Array($0) })
        }
    }

    /// The labels in lower case, joined by dots, without a final dot: what tables are looked up by. A dot or an octet
    /// outside printable ASCII within a label is written as `\DDD`, so that no two names share a key.
    package var key: String {
        var text = ""
        for (position, label) in labels.enumerated() {
            if position > 0 { text.append(".") }
            for octet in label.map(Self.lowered) {
                if octet > 0x20, octet < 0x7f, octet != UInt8(ascii: "."), octet != UInt8(ascii: "\\") {
                    text.unicodeScalars.append(Unicode.Scalar(octet))
                } else {
                    let digits = String(octet)
                    text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
            }
        }
        return text
    }

    /// The name in wire form, without compression.
    var octets: [UInt8] { labels.flatMap { [UInt8(clamping: $0.count)] + $0 } + [0] }

    static func lowered(_ octet: UInt8) -> UInt8 { (65...90).contains(octet) ? octet | 0x20 : octet }
}

extension DomainName: Hashable, CustomStringConvertible {
    package static func == (left: Self, right: Self) -> Bool {
        left.labels.count == right.labels.count
            && zip(left.labels, right.labels).allSatisfy { $0.map(Self.lowered) == $1.map(Self.lowered) }
    }

    package func hash(into hasher: inout Hasher) {
        for label in labels { hasher.combine(label.map(Self.lowered)) }
    }

    package var description: String { key + "." }
}
