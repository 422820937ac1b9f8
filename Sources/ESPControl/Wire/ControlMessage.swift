/// What the daemon says.
package enum DaemonMessage: Equatable, Sendable {
    /// The whole wanted state. The process makes the difference to what it has.
    case whole(version: UInt64, EncryptionState)
    /// Changes to the state of version `base`; a process that has another answers ``EngineMessage/behind(version:)``.
    case changes(base: UInt64, version: UInt64, [EncryptionChange])
    /// Asks for the counters; the answer has the same number.
    case report(UInt64)
}

/// What the process says.
package enum EngineMessage: Equatable, Sendable {
    /// First on every connection.
    case hello(EncryptionHello)
    /// After a state or changes, and again when other faults are there.
    case answer(EncryptionAnswer)
    /// Changes were not taken: a whole state is wanted.
    case behind(version: UInt64)
    case report(UInt64, EncryptionReport)
    case notice(EncryptionNotice)
}

extension DaemonMessage {
    private enum Kind: UInt8 { case whole = 1, changes, report }

    /// The message's bytes, without the frame around it.
    package var encoded: [UInt8] {
        var writer = ControlWriter()
        switch self {
        case .whole(let version, let state):
            writer.number(Kind.whole.rawValue)
            writer.number(version)
            // A whole state is what makes it of nothing.
            writer.list(EncryptionState().changes(to: state)) { $0.change($1) }
        case .changes(let base, let version, let changes):
            writer.number(Kind.changes.rawValue)
            writer.number(base)
            writer.number(version)
            writer.list(changes) { $0.change($1) }
        case .report(let number):
            writer.number(Kind.report.rawValue)
            writer.number(number)
        }
        return writer.bytes
    }

    /// - Throws: ``ControlError`` for anything but exactly one message.
    package init(decoding bytes: ArraySlice<UInt8>) throws(ControlError) {
        var reader = ControlReader(bytes)
        switch try reader.choice(Kind.self) {
        case .whole:
            let version: UInt64 = try reader.number()
            var state = EncryptionState()
            for change in try reader.list({ reader throws(ControlError) in try reader.change() }) {
                state.apply(change)
            }
            self = .whole(version: version, state)
        case .changes:
            self = .changes(
                base: try reader.number(), version: try reader.number(),
                try reader.list { reader throws(ControlError) in try reader.change() })
        case .report: self = .report(try reader.number())
        }
        guard reader.isAtEnd else { throw .length }
    }
}

extension EngineMessage {
    private enum Kind: UInt8 { case hello = 1, answer, behind, report, notice }

    /// The message's bytes, without the frame around it.
    package var encoded: [UInt8] {
        var writer = ControlWriter()
        switch self {
        case .hello(let hello):
            writer.number(Kind.hello.rawValue)
            writer.hello(hello)
        case .answer(let answer):
            writer.number(Kind.answer.rawValue)
            writer.number(answer.version)
            writer.list(answer.faults) { $0.fault($1) }
        case .behind(let version):
            writer.number(Kind.behind.rawValue)
            writer.number(version)
        case .report(let number, let report):
            writer.number(Kind.report.rawValue)
            writer.number(number)
            writer.report(report)
        case .notice(let notice):
            writer.number(Kind.notice.rawValue)
            writer.number(notice.kind.rawValue)
            writer.subject(notice.subject)
            writer.number(notice.count)
        }
        return writer.bytes
    }

    /// A hello of another version of the messages is read as far as its beginning, which no version changes: the protocol's version and the pid.
    /// - Throws: ``ControlError`` for anything but exactly one message.
    package init(decoding bytes: ArraySlice<UInt8>) throws(ControlError) {
        var reader = ControlReader(bytes)
        switch try reader.choice(Kind.self) {
        case .hello:
            let hello = try reader.hello()
            self = .hello(hello)
            if hello.protocolVersion != EncryptionHello.protocolVersion { return }
        case .answer:
            self = .answer(
                EncryptionAnswer(
                    version: try reader.number(),
                    faults: try reader.list { reader throws(ControlError) in try reader.fault() }))
        case .behind: self = .behind(version: try reader.number())
        case .report: self = .report(try reader.number(), try reader.report())
        case .notice:
            self = .notice(
                EncryptionNotice(try reader.choice(), try reader.subject(), count: try reader.number()))
        }
        guard reader.isAtEnd else { throw .length }
    }
}

/// Messages on a stream: four bytes of length in network order, then the message.
package struct ControlFrame: Sendable {
    /// Of one message, in bytes; 100,000 stations take about six million.
    package static let longest = 64 << 20

    private var bytes: [UInt8] = []
    private var taken = 0

    package init() {}

    /// A message with its length before it.
    package static func around(_ message: [UInt8]) -> [UInt8] {
        var writer = ControlWriter()
        writer.blob(message)
        return writer.bytes
    }

    /// Takes what has been read from the stream.
    package mutating func append(_ piece: ArraySlice<UInt8>) { bytes += piece }

    /// The next whole message; `nil` until there is one.
    /// - Throws: ``ControlError/tooLong``: the stream is of no use any more.
    package mutating func next() throws(ControlError) -> ArraySlice<UInt8>? {
        let rest = bytes.dropFirst(taken)
        var reader = ControlReader(rest.prefix(4))
        guard rest.count >= 4 else {
            compact()
            return nil
        }
        let length = try Int(clamping: reader.number(UInt32.self))
        guard length <= Self.longest else { throw .tooLong }
        let message = rest.dropFirst(4).prefix(length)
        guard message.count == length else {
            compact()
            return nil
        }
        taken += 4 + length
        return message
    }

    private mutating func compact() {
        if taken == 0 { return }
        bytes = Array(bytes.dropFirst(taken))
        taken = 0
    }
}
