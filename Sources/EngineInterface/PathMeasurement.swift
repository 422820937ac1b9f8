/// What of the way from a node to another one is measured.
package enum PathKind: UInt8, Sendable, Codable, CaseIterable {
    /// What nodes and managers tell each other.
    case control = 0
    /// What containers of different nodes tell each other in clear.
    case vxlan
    /// The same, encrypted.
    case esp

    /// As metrics, the API and the dashboard have it.
    package var word: String { "\(self)" }
}

/// What is wrong with a path. The numbers travel.
package struct PathFindings: OptionSet, Sendable, Hashable {
    /// The bits, as they travel and as they are shown nowhere.
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Nothing comes back.
    package static let silent = Self(rawValue: 1 << 0)
    /// One in twenty, or more, does not come back.
    package static let lossy = Self(rawValue: 1 << 1)
    /// What the underlay's link would send whole does not pass.
    package static let narrow = Self(rawValue: 1 << 2)
    /// Packets whose checksum is left to the network card arrive with a wrong one, or not at all.
    package static let checksums = Self(rawValue: 1 << 3)

    /// Each with its word, in the order in which they are told.
    package static let words: [(finding: Self, word: String)] = [
        (.silent, "silent"), (.lossy, "lossy"), (.narrow, "narrow"), (.checksums, "checksums"),
    ]

    /// Those that this version knows.
    package var known: Self { intersection(Self(Self.words.map(\.finding))) }

    package var words: [String] { Self.words.filter { contains($0.finding) }.map(\.word) }
}

/// The way from a node to another one, as the first has found it.
package struct PathMeasurement: Sendable, Equatable {
    /// The id of the node at the other end.
    package var peer: String
    package var kind: PathKind
    /// There and back; `nil` when nothing came back lately.
    package var roundTripMicroseconds: UInt64?
    /// Of the last probes, out of 1000.
    package var lossPermille: Int
    /// The longest packet of the underlay that passes, with all headers but Ethernet's; `nil` while that is not known.
    package var mtu: Int?
    /// The longest one that the underlay's link sends.
    package var linkMTU: Int
    package var findings: PathFindings
    /// Whether the other end's own probes have arrived here lately.
    package var isHeard: Bool
    /// When the last probe was answered or given up: seconds since 1970, by the node's clock.
    package var time: Int64

    package init(
        peer: String, kind: PathKind, roundTripMicroseconds: UInt64? = nil, lossPermille: Int = 0, mtu: Int? = nil,
        linkMTU: Int = 0, findings: PathFindings = [], isHeard: Bool = false, time: Int64 = 0
    ) {
        self.findings = findings
        self.isHeard = isHeard
        self.kind = kind
        self.linkMTU = linkMTU
        self.lossPermille = lossPermille
        self.mtu = mtu
        self.peer = peer
        self.roundTripMicroseconds = roundTripMicroseconds
        self.time = time
    }
}
