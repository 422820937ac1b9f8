import CLinux
import Glibc
import LinuxSystem
import Synchronization

/// A netlink socket of one protocol: sends messages, matches answers by sequence. Blocking.
struct NetlinkSocket: ~Copyable {
    /// How long the kernel may take to answer. It answers within the call; only RTNL held by others delays it.
    static let deadlineMilliseconds: CInt = 10_000
    /// Messages and bytes of one batch: their acknowledgements must fit the receive buffer.
    static let batchMessages = 256
    static let batchBytes = 128 << 10
    static let receiveBytes: CInt = 2 << 20
    static let sendBytes: CInt = 1 << 20
    /// Dumps that change under us are taken again this often.
    static let dumpAttempts = 10
    /// Largest datagram the kernel makes of a dump is 32 KiB; single messages can be larger.
    static let datagramBytes = 256 << 10

    let descriptor: Descriptor
    /// By which the kernel knows it in its namespace.
    let port: UInt32
    private var sequence: UInt32 = 1
    /// Lent to whoever receives: there are as many as receive at one time, however many sockets there are.
    private static let buffers = Mutex<[[UInt8]]>([])

    /// In the calling thread's network namespace, for good.
    init(protocol number: CInt) throws {
        var port: UInt32 = 0
        descriptor = try Self.open(protocol: number, &port)
        self.port = port
    }

    private static func open(protocol number: CInt, _ port: inout UInt32) throws(SystemError) -> Descriptor {
        let descriptor = Descriptor(owning: try check(clinux_netlink_socket(number), "open netlink socket"))
        try check(clinux_netlink_bind(descriptor.raw, &port), "bind netlink socket")
        try check(clinux_socket_buffers(descriptor.raw, receiveBytes, sendBytes), "set netlink buffers")
        try check(clinux_receive_timeout(descriptor.raw, deadlineMilliseconds), "set netlink deadline")
        try check(clinux_netlink_option(descriptor.raw, NETLINK_EXT_ACK, 1), "set NETLINK_EXT_ACK")
        try check(clinux_netlink_option(descriptor.raw, NETLINK_CAP_ACK, 1), "set NETLINK_CAP_ACK")
        if number == NETLINK_ROUTE {
            try check(clinux_netlink_option(descriptor.raw, NETLINK_GET_STRICT_CHK, 1), "set NETLINK_GET_STRICT_CHK")
        }
        return descriptor
    }

    /// A request's answer.
    struct Answer {
        var errno: CInt = 0
        var message: String?
        var isComplete = false
    }

    mutating func nextSequence() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    /// Sends requests in one datagram and waits for the acknowledgement of each.
    mutating func exchange(_ requests: [(sequence: UInt32, bytes: [UInt8])], attempting: String) throws(NetlinkError)
        -> [UInt32: Answer]
    {
        try send(requests.flatMap(\.bytes), attempting)
        var answers: [UInt32: Answer] = [:]
        for request in requests { answers[request.sequence] = Answer() }
        var open = requests.count
        while open > 0 {
            for message in try receive(attempting) {
                guard message.type == MessageType.error, answers[message.sequence]?.isComplete == false else {
                    continue
                }
                answers[message.sequence] = try Self.acknowledgement(message)
                open -= 1
            }
        }
        return answers
    }

    /// Sends messages of which the last alone asks for an answer, and waits for it. The first refusal of any of them is thrown.
    mutating func complete(_ bytes: [UInt8], from first: UInt32, to last: UInt32, _ attempting: String)
        throws(NetlinkError)
    {
        try send(bytes, attempting)
        var refusal: NetlinkError?
        while true {
            for message in try receive(attempting)
            where message.type == MessageType.error && message.sequence >= first && message.sequence <= last {
                let answer = try Self.acknowledgement(message)
                if answer.errno != 0, refusal == nil {
                    refusal = NetlinkError(refused: answer.errno, attempting: attempting, message: answer.message)
                }
                // The whole was refused: nothing else counts.
                if let refusal, message.sequence == first { throw refusal }
                if message.sequence == last {
                    if let refusal { throw refusal }
                    return
                }
            }
        }
    }

    /// Sends one request and returns its answer, nothing when it is only acknowledged. A refusal throws.
    /// - Parameter orNothing: What is asked for may be missing: no answer then.
    mutating func ask(attempting: String, orNothing: Bool = false, _ make: (UInt32) -> [UInt8]) throws(NetlinkError)
        -> [NetlinkMessage]
    {
        let number = nextSequence()
        try send(make(number), attempting)
        while true {
            for message in try receive(attempting) where message.sequence == number {
                switch message.type {
                case MessageType.error:
                    let number = try Self.acknowledgement(message).errno
                    if !orNothing || number != ENOENT { try Self.demand(message, attempting) }
                    return []
                case MessageType.noop: continue
                default: return [message]
                }
            }
        }
    }

    /// What is kept of a dump.
    struct Dump<Row: Sendable>: Sendable {
        var rows: [Row] = []
        /// Rows for which there was no room.
        var passedOver = 0
    }

    /// Sends one request for a dump, and makes rows of its messages as they come: what is not kept takes no memory, however much
    /// there is. A dump that changes under us is taken again.
    /// - Parameters:
    ///   - most: rows that are kept; the others are counted.
    ///   - row: `nil` for what is of no interest.
    mutating func dump<Row: Sendable>(
        attempting: String, most: Int = .max, _ make: (UInt32) -> [UInt8], row: (NetlinkMessage) throws -> Row?
    ) throws -> Dump<Row> {
        for _ in 0..<Self.dumpAttempts {
            let number = nextSequence()
            try send(make(number), attempting)
            var found = Dump<Row>()
            var isInterrupted = false
            var isOver = false
            while !isOver {
                let part = try part(of: number, attempting)
                isInterrupted = isInterrupted || part.isInterrupted
                isOver = part.isLast
                for message in part.messages {
                    guard let row = try row(message) else { continue }
                    if found.rows.count < most { found.rows.append(row) } else { found.passedOver += 1 }
                }
            }
            if !isInterrupted { return found }
        }
        throw NetlinkError(code: .overrun, attempting: "\(attempting), changed while it was read")
    }

    /// Counts what a dump tells of until it is more than `most`; of no use for anything else afterwards: the rest of the dump is
    /// left unread. One that changes under us is good enough.
    mutating func count(
        attempting: String, upTo most: Int, _ make: (UInt32) -> [UInt8], number: (NetlinkMessage) throws -> Int
    ) throws -> Int {
        let sequence = nextSequence()
        try send(make(sequence), attempting)
        var count = 0
        var isOver = false
        while !isOver, count <= most {
            let part = try part(of: sequence, attempting)
            isOver = part.isLast
            for message in part.messages { count += try number(message) }
        }
        return count
    }

    private struct DumpPart {
        var messages: [NetlinkMessage] = []
        var isLast = false
        /// What is dumped has changed meanwhile.
        var isInterrupted = false
    }

    /// What one datagram brings of a dump.
    private mutating func part(of number: UInt32, _ attempting: String) throws(NetlinkError) -> DumpPart {
        var part = DumpPart()
        for message in try receive(attempting) where message.sequence == number {
            if message.flags & MessageFlags.interrupted != 0 { part.isInterrupted = true }
            switch message.type {
            case MessageType.error:
                try Self.demand(message, attempting)
                part.isLast = true
            case MessageType.done:
                let result = message.payload.count >= 4 ? try FixedPart(message.payload).number(at: 0) : CInt(0)
                guard result >= 0 else { throw NetlinkError(refused: 0 &- result, attempting: attempting) }
                part.isLast = true
            case MessageType.noop: continue
            default: part.messages.append(message)
            }
        }
        return part
    }

    private static func demand(_ message: NetlinkMessage, _ attempting: String) throws(NetlinkError) {
        let answer = try acknowledgement(message)
        if answer.errno != 0 {
            throw NetlinkError(refused: answer.errno, attempting: attempting, message: answer.message)
        }
    }

    /// `struct nlmsgerr` and the attributes behind it.
    static func acknowledgement(_ message: NetlinkMessage) throws(NetlinkError) -> Answer {
        let fixed = FixedPart(message.payload)
        var answer = Answer(errno: -(try fixed.number(at: 0, as: CInt.self)), isComplete: true)
        guard message.flags & MessageFlags.extended != 0 else { return answer }
        var offset = 4 + MessageWriter.headerLength
        if message.flags & MessageFlags.capped == 0 {
            offset = 4 + aligned(Int(clamping: try fixed.number(at: 4, as: UInt32.self)))
        }
        guard offset <= message.payload.count else { return answer }
        answer.message = try Attributes(message.payload.dropFirst(offset)).string(UInt16(NLMSGERR_ATTR_MSG.rawValue))
        return answer
    }

    private func send(_ bytes: [UInt8], _ attempting: String) throws(NetlinkError) {
        while true {
            let count = clinux_netlink_send(descriptor.raw, bytes, bytes.count)
            if count >= 0 { return }
            let number = errno
            if number != EINTR { throw NetlinkError(refused: number, attempting: "send to \(attempting)") }
        }
    }

    /// One datagram of the kernel's; from others it is dropped.
    private mutating func receive(_ attempting: String) throws(NetlinkError) -> [NetlinkMessage] {
        var buffer = Self.buffers.withLock { $0.popLast() } ?? [UInt8](repeating: 0, count: Self.datagramBytes)
        defer { Self.buffers.withLock { $0.append(buffer) } }
        while true {
            var truncated: CInt = 0
            var sender: UInt32 = 0
            var namespace: CInt = 0
            let count = clinux_netlink_receive(
                descriptor.raw, &buffer, buffer.count, 0, &truncated, &sender, &namespace)
            if count < 0 {
                let number = errno
                switch number {
                case EINTR: continue
                case EAGAIN: throw NetlinkError(code: .timedOut, attempting: attempting)
                default: throw NetlinkError(refused: number, attempting: attempting)
                }
            }
            if sender != 0 { continue }
            if truncated != 0 { throw NetlinkError(code: .overrun, attempting: attempting) }
            return try NetlinkMessage.decode(Array(buffer.prefix(Int(clamping: count))))
        }
    }
}
