import Concurrency
import Crypto
import Foundation
import LinuxSystem
import Synchronization

/// What the Forward protocol's handshake needs.
struct FluentdCredentials: Sendable, Hashable {
    var key: String
    var user: String
    var password: String
    /// What the node calls itself.
    var hostname: String
}

/// The Forward protocol, version 1: https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
final class FluentdTransport: LogTransport {
    /// Whether the receiver answers chunks, as far as it is known.
    enum Acknowledging { case unknown, yes, no }

    private let options: StreamOptions
    private let credentials: FluentdCredentials?
    private let acknowledging: Mutex<Acknowledging>

    init(options: StreamOptions, credentials: FluentdCredentials?, asksForAcknowledgements: Bool) {
        self.options = options
        self.credentials = credentials
        acknowledging = Mutex(asksForAcknowledgements ? .unknown : .no)
    }

    var limits: BatchLimits {
        var limits = BatchLimits()
        // Writing and waiting have deadlines of their own.
        limits.deadline = .seconds(60)
        // Each batch is an answer that is waited for.
        limits.lines = 10_000
        return limits
    }

    func connect() async throws -> any LogConnection {
        let stream = try await StreamConnection.open(options)
        let connection = FluentdConnection(stream, self)
        do {
            if let credentials { try await connection.greet(credentials) }
        } catch {
            await uncancelled { await stream.close() }
            throw error
        }
        return connection
    }

    var acknowledges: Acknowledging {
        get { acknowledging.withLock { $0 } }
        set { acknowledging.withLock { $0 = newValue } }
    }
}

/// One connection. What the receiver says is read by one at a time.
actor FluentdConnection: LogConnection {
    private static let answerTime = Duration.seconds(10)
    private static let promptTime = Duration.milliseconds(500)

    private let stream: StreamConnection
    private let transport: FluentdTransport
    private var reader = MessagePackReader()

    init(_ stream: StreamConnection, _ transport: FluentdTransport) {
        self.stream = stream
        self.transport = transport
    }

    func send(_ batch: LogBatch) async throws -> BatchOutcome {
        let asks = transport.acknowledges != .no
        var waiting: Set<String> = []
        var parts: [[UInt8]] = []
        for (tag, indices) in batch.groups {
            let chunk = asks ? Data(RandomID.bytes(16)).base64EncodedString() : nil
            parts += Self.message(tag, indices.compactMap { batch.items.dropFirst($0).first?.line }, chunk)
            if let chunk { waiting.insert(chunk) }
        }
        try await stream.write(parts: parts)
        // Who answers at once has it all. A slow network is given its time as long as it makes progress.
        if transport.acknowledges == .yes, try await answered(&waiting, until: .now + Self.promptTime) {
            return .accepted
        }
        try await stream.waitForAcknowledgement()
        guard asks else { return .handedOver }
        return try await acknowledged(waiting) ? .accepted : .handedOver
    }

    /// `[tag, entries, {size, chunk}]`, in parts, of which the lines' are as they were encoded.
    static func message(_ tag: [UInt8], _ lines: [EncodedLine], _ chunk: String?) -> [[UInt8]] {
        var head = MessagePackWriter()
        head.array(3)
        head.string(tag)
        head.binaryHead(lines.reduce(0) { $0 + $1.bytes.count })
        var options = MessagePackWriter()
        options.map(chunk == nil ? 1 : 2)
        options.string("size")
        options.unsigned(UInt64(clamping: lines.reduce(0) { $0 + $1.count }))
        if let chunk {
            options.string("chunk")
            options.string(chunk)
        }
        return [head.bytes] + lines.map(\.bytes) + [options.bytes]
    }

    /// Waits until all chunks are answered.
    /// - Returns: `false` when the receiver has never answered one: it is taken for one that does not.
    private func acknowledged(_ chunks: Set<String>) async throws -> Bool {
        var waiting = chunks
        if try await answered(&waiting, until: .now + Self.answerTime) { return true }
        guard transport.acknowledges == .unknown else {
            throw TransportError("the receiver did not acknowledge within 10 seconds")
        }
        transport.acknowledges = .no
        return false
    }

    /// Takes chunks out as they are answered.
    /// - Returns: `false` when some are not in time.
    private func answered(_ waiting: inout Set<String>, until end: ContinuousClock.Instant) async throws -> Bool {
        while !waiting.isEmpty {
            while let value = try reader.next() {
                guard let chunk = value["ack"]?.text, waiting.remove(chunk) != nil else { continue }
                transport.acknowledges = .yes
            }
            if waiting.isEmpty { break }
            let left = end - .now
            guard left > .zero else { return false }
            do { reader.append(try await stream.read(within: left)) } catch let error as TransportError {
                // Out of time: judged above. Anything else is the connection's end.
                if .now < end { throw error }
            }
        }
        return true
    }

    /// The handshake: who knows the key, on both sides.
    func greet(_ credentials: FluentdCredentials) async throws {
        let hello = try await value()
        guard hello.elements.first?.text == "HELO", let options = hello.elements.dropFirst().first else {
            throw TransportError("the receiver does not greet as one with a shared key does")
        }
        let nonce = options["nonce"]?.data ?? []
        let salt = RandomID.bytes(16)
        let auth = options["auth"]?.data ?? []
        var ping = MessagePackWriter()
        ping.array(6)
        ping.string("PING")
        ping.string(credentials.hostname)
        ping.string(salt)
        ping.string(Self.digest(salt, Array(credentials.hostname.utf8), nonce, Array(credentials.key.utf8)))
        ping.string(auth.isEmpty ? "" : credentials.user)
        ping.string(
            auth.isEmpty ? "" : Self.digest(auth, Array(credentials.user.utf8), Array(credentials.password.utf8)))
        try await stream.write(ping.bytes)
        let pong = try await value().elements
        guard pong.count >= 5, pong[0].text == "PONG" else {
            throw TransportError("the receiver's answer to the handshake is none")
        }
        guard pong[1] == .bool(true) else {
            throw TransportError("the receiver refuses this node: \(pong[2].text ?? "")")
        }
        let expected = Self.digest(salt, pong[3].data ?? [], nonce, Array(credentials.key.utf8))
        guard pong[4].text == expected else { throw TransportError("the receiver does not know the shared key") }
    }

    /// SHA-512 in hexadecimal digits.
    static func digest(_ parts: [UInt8]...) -> String {
        var hash = SHA512()
        for part in parts { hash.update(data: part) }
        return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func value() async throws -> MessagePackValue {
        while true {
            if let value = try reader.next() { return value }
            reader.append(try await stream.read(within: .seconds(3)))
        }
    }

    nonisolated func untilOver() async throws { try await stream.untilOver() }

    nonisolated func stands() async -> Bool { await stream.stands() }

    nonisolated func close() async { await stream.close() }
}
