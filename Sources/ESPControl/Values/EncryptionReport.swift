package import Addressing

/// What `apus-esp` says of itself to whoever connects.
package struct EncryptionHello: Equatable, Sendable {
    /// Of the messages; a process of another one is replaced: ended by ``pid``, and started anew.
    package static let protocolVersion: UInt32 = 1

    /// Of the messages that it speaks.
    package let protocolVersion: UInt32
    /// The program's, for reports.
    package let productVersion: String
    package let pid: Int32
    /// Which memory the sequence numbers are in: keys for sending are made for one such page.
    package let page: CounterPageID
    /// Associations may be given for lanes 0 ..< this.
    package let lanes: UInt8
    /// The library that encrypts, as `OpenSSL 3.0.15`.
    package let cipher: String
    /// The version of the state that it has; 0 when it was told none.
    package let version: UInt64

    package init(
        protocolVersion: UInt32 = Self.protocolVersion, productVersion: String, pid: Int32, page: CounterPageID,
        lanes: UInt8, cipher: String, version: UInt64
    ) {
        (self.protocolVersion, self.productVersion, self.pid) = (protocolVersion, productVersion, pid)
        (self.page, self.lanes, self.cipher, self.version) = (page, lanes, cipher, version)
    }
}

/// Something of the wanted state that is not so, while it is not; what the process can mend itself (a namespace that is not there yet) it tries
/// again every second.
package struct EncryptionFault: Hashable, Sendable, CustomStringConvertible {
    /// What it is about.
    package enum Subject: Hashable, Sendable {
        case underlay
        case network(vni: UInt32)
        case peer(EncryptionPeerID)
        case association(AssociationID)
    }

    /// What is wrong.
    package enum Code: UInt8, Sendable, CaseIterable {
        /// The socket cannot be opened or bound.
        case socketRefused
        /// The TAP device cannot be opened: EBUSY while an older process lives, ENOENT without its namespace.
        case deviceRefused
        /// The device was deleted under the process.
        case deviceGone
        /// The association is for sending, and its key was made for another page.
        case counterPageLost
        /// The association's epoch is older than what is remembered of its sender.
        case epochTooOld
        /// Another inbound association has that SPI.
        case spiTaken
        /// An SPI below 256, or a lane that there is not.
        case associationInvalid
        /// All numbers of the key are used up: nothing is sent with it.
        case sequenceExhausted
        /// Datagrams are longer than the path takes, and are sent in fragments: the overlay's MTU is too large.
        case pathTooNarrow
        /// The route takes no batches (no checksum offload): datagrams go singly.
        case noSegmentation
        /// For ten seconds packets have come and all of them were replays: the remembered numbers are ahead of the peer's.
        case onlyReplays
        /// The peer is of another address family than this node's end.
        case peerUnreachable
        /// There is no memory for it.
        case noMemory
    }

    package let subject: Subject
    package let code: Code
    /// errno(3), where a system call refused; 0 otherwise.
    package let errno: Int32

    package init(_ subject: Subject, _ code: Code, errno: Int32 = 0) {
        (self.subject, self.code, self.errno) = (subject, code, errno)
    }

    package var description: String { "\(subject): \(code)\(errno == 0 ? "" : " (errno \(errno))")" }
}

/// The answer to a state or to changes: they were taken, and this is what is not as it should be.
package struct EncryptionAnswer: Equatable, Sendable {
    /// The version that was told.
    package let version: UInt64
    package let faults: [EncryptionFault]

    package init(version: UInt64, faults: [EncryptionFault]) {
        (self.version, self.faults) = (version, faults)
    }
}

/// Something that operators may want to know, told by the process by itself, at most once a minute for each subject.
package struct EncryptionNotice: Equatable, Sendable {
    /// What has happened.
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// Packets with a wrong ICV have come: forged, damaged, or sealed with another key. The subject is the association.
        case badICV
        /// Packets with SPIs of no association have come. The subject is the underlay.
        case unknownSPI
        /// The peer's datagrams come from another address, where it is sent to from now on. The subject is the peer.
        case peerMoved
    }

    package let kind: Kind
    package let subject: EncryptionFault.Subject
    /// How many since the last notice of this kind.
    package let count: UInt64

    package init(_ kind: Kind, _ subject: EncryptionFault.Subject, count: UInt64) {
        (self.kind, self.subject, self.count) = (kind, subject, count)
    }
}

/// Counters of the process, since it was started.
package struct EncryptionReport: Equatable, Sendable {
    /// Of the state that the process was told last; 0 before the first.
    package var version: UInt64 = 0
    package var faults: [EncryptionFault] = []
    /// By VNI.
    package var networks: [UInt32: EncryptedNetworkCounters] = [:]
    /// Those that were taken on, by their names.
    package var associations: [AssociationID: AssociationCounters] = [:]
    /// The first is lane 0's.
    package var lanes: [EncryptionLaneCounters] = []
    /// Peers that are not where the state says (NAT), with the UDP port of lane 0.
    package var moved: [EncryptionPeerID: EncryptionEndpoint] = [:]

    package init() {}
}

/// Where a peer is on the underlay.
package struct EncryptionEndpoint: Hashable, Sendable {
    package let address: IPAddress
    package let port: UInt16

    package init(address: IPAddress, port: UInt16) {
        (self.address, self.port) = (address, port)
    }
}

/// A set of counters that is sent in the order of its fields.
package protocol CounterSet: Equatable, Sendable {
    /// The fields in the order in which they are sent; a later version of the program adds at the end.
    static var fields: [(name: String, path: WritableKeyPath<Self, UInt64>)] { get }
    /// All 0.
    init()
}

/// What one direction of traffic between two lanes has come to since its keys were made.
package struct AssociationCounters: CounterSet {
    /// Sealed, or opened and right.
    package var packets: UInt64 = 0
    /// Of inner frames.
    package var bytes: UInt64 = 0
    /// Refused because their number had been there, or is too old to know.
    package var replayed: UInt64 = 0
    /// Forged, damaged, or sealed with another key.
    package var badICV: UInt64 = 0
    /// The last number sent, or the highest received.
    package var sequence: UInt64 = 0

    package init() {}

    package static var fields: [(name: String, path: WritableKeyPath<Self, UInt64>)] {
        [
            ("packets", \.packets), ("bytes", \.bytes), ("replayed", \.replayed), ("badICV", \.badICV),
            ("sequence", \.sequence),
        ]
    }
}

/// What has passed an encrypted network's device since the process has had it.
package struct EncryptedNetworkCounters: CounterSet {
    /// Read from the device; one may be many segments.
    package var framesOut: UInt64 = 0
    /// Written to the device; one may have been many segments.
    package var framesIn: UInt64 = 0
    /// Of the frames read.
    package var bytesOut: UInt64 = 0
    /// Of the frames written.
    package var bytesIn: UInt64 = 0
    /// Made of the frames read.
    package var segments: UInt64 = 0
    /// Received ones that became part of another's frame.
    package var merged: UInt64 = 0
    /// For an address that no station has, broadcast and multicast among them.
    package var unknownDestination: UInt64 = 0
    /// For a peer to which there is no key or no way.
    package var noAssociation: UInt64 = 0
    /// Frames from the device that are not what their header says.
    package var malformed: UInt64 = 0
    /// From a peer that is no member, after they were found genuine.
    package var strangers: UInt64 = 0
    /// ARP requests and neighbour solicitations answered.
    package var neighboursAnswered: UInt64 = 0
    /// Frames that the device did not take.
    package var deviceErrors: UInt64 = 0
    /// Dropped since the path was congested and the inner header cannot say so (RFC 6040 section 4.2).
    package var congested: UInt64 = 0

    package init() {}

    package static var fields: [(name: String, path: WritableKeyPath<Self, UInt64>)] {
        [
            ("framesOut", \.framesOut), ("framesIn", \.framesIn), ("bytesOut", \.bytesOut), ("bytesIn", \.bytesIn),
            ("segments", \.segments), ("merged", \.merged), ("unknownDestination", \.unknownDestination),
            ("noAssociation", \.noAssociation), ("malformed", \.malformed), ("strangers", \.strangers),
            ("neighboursAnswered", \.neighboursAnswered), ("deviceErrors", \.deviceErrors),
            ("congested", \.congested),
        ]
    }
}

/// Of one lane: a sending and a receiving thread with their socket.
package struct EncryptionLaneCounters: CounterSet {
    /// Frames read from devices.
    package var reads: UInt64 = 0
    /// Calls that sent something.
    package var sends: UInt64 = 0
    /// Packets in them.
    package var sentSegments: UInt64 = 0
    /// Sends that the kernel refused, whatever for.
    package var sendErrors: UInt64 = 0
    /// Of them ENOBUFS and EAGAIN: the link does not keep up.
    package var sendNoBuffers: UInt64 = 0
    /// Of them the ones without a route, or a neighbour.
    package var sendUnreachable: UInt64 = 0
    /// Of them EMSGSIZE and EINVAL: longer than the path takes.
    package var sendTooLong: UInt64 = 0
    /// Calls that brought something.
    package var receives: UInt64 = 0
    /// As the kernel gave them, of which one may be many packets of one sender.
    package var datagrams: UInt64 = 0
    /// As they were sent.
    package var packets: UInt64 = 0
    /// Frames written to devices.
    package var writes: UInt64 = 0
    /// Longer than the room for them.
    package var truncated: UInt64 = 0
    /// Neither ESP nor a keepalive, or ESP whose contents are not what they should be.
    package var malformed: UInt64 = 0
    /// Packets with the SPI of no association.
    package var unknownSPI: UInt64 = 0
    /// What the socket's queue had no room for.
    package var socketDrops: UInt64 = 0
    /// Inner TCP and UDP whose checksum is wrong: passed on singly, as they are.
    package var badChecksums: UInt64 = 0

    package init() {}

    package static var fields: [(name: String, path: WritableKeyPath<Self, UInt64>)] {
        [
            ("reads", \.reads), ("sends", \.sends), ("sentSegments", \.sentSegments), ("sendErrors", \.sendErrors),
            ("sendNoBuffers", \.sendNoBuffers), ("sendUnreachable", \.sendUnreachable), ("sendTooLong", \.sendTooLong),
            ("receives", \.receives), ("datagrams", \.datagrams), ("packets", \.packets), ("writes", \.writes),
            ("truncated", \.truncated), ("malformed", \.malformed), ("unknownSPI", \.unknownSPI),
            ("socketDrops", \.socketDrops), ("badChecksums", \.badChecksums),
        ]
    }
}
