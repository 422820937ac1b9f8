package import Foundation

/// What the keys of encrypted overlays are derived from. Managers make it and keep it in the swarm's own object, sealed with it; nodes are told of
/// it as long as they take part in an encrypted network, and keep it in memory alone.
///
/// Each change of it is a version. Which secrets a node receives with and which it sends with follows from the version that it has, so a node says how far it is by one
/// number.
package struct OverlayKeyring: Codable, Sendable, Equatable {
    /// Grows with every change.
    package var version: UInt64
    /// By their numbers, the oldest first; at most ``maximumGenerations``. Nodes receive with all of them.
    package var generations: [Generation]
    /// The number of the generation that nodes send with; one of them unless there is none.
    package var sending: UInt64
    /// How many nodes have been removed from the swarm since it has had keys: each knew the generations of before.
    package var removals: UInt64

    /// The one before, the present one, and the one to come.
    package static let maximumGenerations = 3

    package init(
        version: UInt64 = 0, generations: [Generation] = [], sending: UInt64 = 0, removals: UInt64 = 0
    ) {
        self.version = version
        self.generations = generations
        self.sending = sending
        self.removals = removals
    }

    /// A secret and since when it is there.
    package struct Generation: Codable, Sendable, Equatable {
        /// Grows from one to the next; never 0.
        package let number: UInt64
        package let secret: OverlaySecret
        package let createdAt: Timestamp
        /// Nodes that were removed up to then do not know it.
        package let removals: UInt64

        package init(number: UInt64, secret: OverlaySecret, createdAt: Timestamp, removals: UInt64) {
            self.number = number
            self.secret = secret
            self.createdAt = createdAt
            self.removals = removals
        }
    }

    /// Whether the swarm has keys at present.
    package var isEmpty: Bool { generations.isEmpty }
}

/// 32 random bytes of which a generation's keys are derived. Never shown: descriptions and mirrors are empty.
package struct OverlaySecret: Codable, Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    package static let length = 32

    package let bytes: Data

    /// `nil` for another length.
    package init?(bytes: Data) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.singleValueContainer()
        guard let secret = Self(bytes: try values.decode(Data.self)) else {
            throw DecodingError.dataCorruptedError(in: values, debugDescription: "a secret of another length")
        }
        self = secret
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.singleValueContainer()
        try values.encode(bytes)
    }

    package var description: String { "secret" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a node says of its encryption.
package struct NodeEncryption: Codable, Sendable, Equatable {
    /// The memory in which the numbers of what it sends are: 16 hexadecimal digits, and others when they are lost, as at a boot. `nil` while
    /// the process that encrypts does not run.
    package var page: String?
    /// How many lanes that process has.
    package var lanes: Int?
    /// The version of the ``OverlayKeyring`` that is in force there; `nil` for none.
    package var keys: UInt64?
    /// Why the node cannot encrypt; `nil` when it can.
    package var reason: String?

    package init(page: String? = nil, lanes: Int? = nil, keys: UInt64? = nil, reason: String? = nil) {
        self.page = page
        self.lanes = lanes
        self.keys = keys
        self.reason = reason
    }

    /// Lanes beyond these are not used: the SPI has three bits for them.
    package static let maximumLanes = 8

    /// ``page`` as a number; `nil` for what is none.
    package static func number(ofPage text: String) -> UInt64? {
        guard text.utf8.count == 16, text.utf8.first != UInt8(ascii: "+") else { return nil }
        return UInt64(text, radix: 16)
    }

    /// Sixteen hexadecimal digits.
    package static func page(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// What others need to know of a node to send to it what is encrypted, and to know its own.
package struct EncryptionPlace: Codable, Sendable, Equatable, Hashable {
    /// Tells the node apart from all others in the SPI; of ``numbers``.
    package var number: UInt32
    /// ``NodeEncryption/page``, as a number.
    package var page: UInt64
    /// How often the page has become another.
    package var restarts: UInt32
    /// Threads that send, each with a UDP port, a key and numbers of its own.
    package var lanes: UInt8

    package static let numbers: ClosedRange<UInt32> = 1...0xf_ffff

    package init(number: UInt32, page: UInt64, restarts: UInt32, lanes: UInt8) {
        self.number = number
        self.page = page
        self.restarts = restarts
        self.lanes = lanes
    }
}

extension SwarmTask {
    /// Whether its node must encrypt for it.
    package var isInEncryptedNetwork: Bool { networksAttachments?.contains { $0.network.isEncrypted } ?? false }
}

extension SwarmNetwork {
    /// The driver option that asks for encryption: its presence does, whatever its value, as in Docker.
    package static let encryptedOption = "encrypted"

    /// - Parameter options: The driver's.
    package static func isEncrypted(_ options: [String: String]?) -> Bool { options?[encryptedOption] != nil }

    /// Whether what its nodes send each other is encrypted.
    package var isEncrypted: Bool { Self.isEncrypted(driverState?.options ?? spec.driverConfiguration?.options) }
}
