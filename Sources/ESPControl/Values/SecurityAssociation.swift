/// Which way an association's packets go, seen from this node.
package enum AssociationDirection: UInt8, Sendable, CaseIterable {
    case inbound
    case outbound
}

/// Names an association. A sender's SPI is the same at all its peers, and the key another: for sending the peer tells them apart. For receiving the SPI
/// alone has to, so no two inbound ones may have the same.
package struct AssociationID: Hashable, Sendable, CustomStringConvertible {
    package let direction: AssociationDirection
    package let peer: EncryptionPeerID
    /// 256 or more: smaller ones are reserved (RFC 4303 section 2.1), and 0 marks what is no ESP (RFC 3948 section 2.2).
    package let spi: UInt32

    package init(_ direction: AssociationDirection, peer: EncryptionPeerID, spi: UInt32) {
        (self.direction, self.peer, self.spi) = (direction, peer, spi)
    }

    package var description: String { "\(direction) \(peer) \(String(spi, radix: 16))" }
}

/// One direction between this node and a peer, in one lane, with one key (RFC 4301 section 4.1).
///
/// The sequence numbers of a key are kept with the key's fingerprint in memory that outlives the process (``CounterPageID``): an association that
/// is removed and told again, also to the process's successor, goes on with them. A change of `sends` alone changes nothing else.
package struct SecurityAssociation: Equatable, Sendable {
    package let id: AssociationID
    /// Which of the process's lanes sends or receives with it; below ``EncryptionHello/lanes``.
    package let lane: UInt8
    /// The sender's epoch. It must grow with every new key of a sender: where the numbers of an old one are forgotten at last, older epochs are refused.
    package let epoch: UInt64
    package let key: AssociationKey
    /// Whether it is the one to send with. Several are installed during a rollover; of several that send the highest epoch counts. Means nothing for
    /// receiving.
    package let sends: Bool
    /// For sending: the page that the process told of when this key was made. A process that has another refuses the association
    /// (``EncryptionFault/Code/counterPageLost``), since it cannot know which numbers have been used.
    package let page: CounterPageID?

    package init(
        id: AssociationID, lane: UInt8 = 0, epoch: UInt64, key: AssociationKey, sends: Bool = false,
        page: CounterPageID? = nil
    ) {
        (self.id, self.lane, self.epoch, self.key, self.sends, self.page) = (id, lane, epoch, key, sends, page)
    }
}

/// Key and salt of AES-GCM in ESP (RFC 4106 section 8.1). Never shown: descriptions and mirrors are empty.
package struct AssociationKey: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    /// 32 bytes, or 16 for AES-128.
    package let key: [UInt8]
    /// 4 bytes: the front of every nonce.
    package let salt: [UInt8]

    /// `nil` for other lengths.
    package init?(key: [UInt8], salt: [UInt8]) {
        guard key.count == 32 || key.count == 16, salt.count == 4 else { return nil }
        (self.key, self.salt) = (key, salt)
    }

    package var description: String { "key" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Names the memory in which the sequence numbers of one boot are. Random; another one means that the numbers of before are lost, so the sender needs a
/// new epoch, hence new keys, before it may send again.
package struct CounterPageID: Hashable, Sendable, CustomStringConvertible {
    /// Random, never 0.
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package var description: String { String(rawValue, radix: 16) }
}
