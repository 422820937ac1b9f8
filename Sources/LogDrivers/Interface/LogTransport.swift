/// Lines of several containers that are sent at once; those of one container are in order.
package struct LogBatch: Sendable {
    /// One encoded line and whose it is.
    package struct Item: Sendable {
        package var line: EncodedLine
        /// Of the encoder that made it, see ``LineEncoder/group``.
        package var group: [UInt8]
        /// The whole id of the container whose line it is.
        package var containerID: String
        /// Which of the container's lanes it was taken from: it has another one each time it is started.
        package var lane: Int

        package init(line: EncodedLine, group: [UInt8], containerID: String, lane: Int = 0) {
            self.containerID = containerID
            self.group = group
            self.lane = lane
            self.line = line
        }
    }

    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package var bytes: Int { items.reduce(0) { $0 + $1.line.bytes.count } }

    /// Positions in ``items`` of each group's lines, groups in the order of their first line.
    package var groups: [(group: [UInt8], indices: [Int])] {
        var order: [[UInt8]] = []
        var members: [[UInt8]: [Int]] = [:]
        for (index, item) in items.enumerated() {
            if members[item.group] == nil { order.append(item.group) }
            members[item.group, default: []].append(index)
        }
        return order.map { ($0, members[$0] ?? []) }
    }
}

/// When a batch is closed.
package struct BatchLimits: Sendable, Equatable {
    /// Of ``EncodedLine/bytes`` together; one longer line is a batch by itself.
    package var bytes = 1 << 20
    package var lines = 1000
    /// How long the first line of a batch may wait for others.
    package var delay = Duration.milliseconds(200)
    /// What ``LogConnection/send(_:)`` may take in all before the connection counts as dead. A connection that sees progress by itself may ask
    /// for more and keep shorter deadlines of its own.
    package var deadline = Duration.seconds(20)

    package init() {}
}

/// Reaches one destination. No state of its own but what connections share, such as credentials.
package protocol LogTransport: Sendable {
    /// The most that a batch for it has.
    var limits: BatchLimits { get }

    /// Connects, names resolved anew. For HTTP this may be no more than making a client. It is cancelled after 3 s, and tried again
    /// after a pause that grows from 0.1 s to 60 s; so it is when it throws, whatever it throws.
    func connect() async throws -> any LogConnection
}

extension LogTransport {
    package var limits: BatchLimits { BatchLimits() }
}

/// One connection. Used by one sender, one batch after the other.
package protocol LogConnection: Sendable {
    /// Sends a batch, and returns once it is known what has become of it: as far as the protocol tells.
    ///
    /// When it throws, the connection is closed and the whole batch is sent again on another one. What a receiver will never take is not thrown but answered,
    /// as ``LineOutcome/refused(_:)``: those lines are dropped and counted.
    func send(_ batch: LogBatch) async throws -> BatchOutcome

    /// Returns when the receiver has ended the connection in order; throws when it was broken, or a datagram came back. Never returns for a transport
    /// without such news. Cancelled when the sender has no more use for the connection.
    func untilOver() async throws

    /// Whether what was handed over more than a second ago has arrived as far as anybody can tell: no reset has come, however late
    /// ``untilOver()`` says so. Asked before it counts as arrived.
    func stands() async -> Bool

    /// Gives everything back. After it the connection is not used any more.
    func close() async
}

extension LogConnection {
    package func untilOver() async throws { try await Task.sleep(for: .seconds(Int64.max >> 32)) }
    package func stands() async -> Bool { true }
}

/// What has become of a batch.
package enum BatchOutcome: Sendable, Equatable {
    /// The receiver has it all, and has said so.
    case accepted
    /// It has been handed over, or the receiver's kernel has it: the protocol tells no more. It is sent again when the connection breaks
    /// within a second, also when the receiver had ended it in order before.
    case handedOver
    /// Line by line, in the order of ``LogBatch/items`` and as many.
    case mixed([LineOutcome], retryAfter: Duration? = nil)
    /// The receiver takes nothing now and has said when it will; all is sent again on the same connection.
    case later(Duration?, reason: String)
}

/// What has become of one line of a batch.
package enum LineOutcome: Sendable, Equatable {
    case accepted
    /// It will never be taken, for this reason.
    case refused(String)
    /// It is sent again, before any newer line.
    case again
}
