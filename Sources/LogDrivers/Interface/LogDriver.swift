package import EngineInterface

/// What one container's options make of a driver: where its lines go, and in what form.
///
/// A driver is made twice: when a container is created, to check its options, and when its lines begin to be shipped. Neither may wait for
/// a network. Containers whose drivers have equal ``destination`` share one transport and so one connection.
package protocol LogDriver: Sendable {
    /// As `--log-driver` names it.
    static var name: String { get }

    /// The names of its own options, beside those of ``LogDriverOptions/common``. Each has an effect, or is in the table of ``UnusedLogOption``.
    static var optionNames: Set<String> { get }

    /// Reads the options, pure: what is wrong with them is said as Docker says it. Options that every driver has (``LogDriverOptions/common``) are
    /// checked by the caller; ``LogDriverOptions/checkNames(_:)`` refuses unknown ones.
    init(_ options: LogDriverOptions, host: LogHost) throws(LogOptionError)

    /// Looks at what must be there on this node when a container is created, such as the socket of a path, or certificates. Blocks; no
    /// network. Not asked again later: what has gone by then is a receiver that is down.
    func checkNode() throws(LogOptionError)

    /// Equal for drivers that one transport can serve: the driver's name and every option that the connection depends on, and no other.
    var destination: String { get }

    /// The address as the user knows it, for events and inspect. Without secrets.
    var shownAddress: String { get }

    /// - Throws: what is wrong with a tag's template, which create refuses by this very call with a container's facts.
    func makeEncoder(for origin: LogOrigin) throws(LogOptionError) -> any LineEncoder

    /// What reaches the destination. Asked once for all drivers with an equal ``destination``; connects to nothing.
    func makeTransport() -> any LogTransport
}

extension LogDriver {
    package func checkNode() throws(LogOptionError) {}
}

/// Turns one container's lines into what its transport sends. A value that one lane owns: it may keep lines to join them with later ones.
package protocol LineEncoder: Sendable {
    /// Bytes of text that are encoded at once: longer lines come in pieces, cut between characters of UTF-8. At most 1 MiB.
    var longestText: Int { get }

    /// What lines of this container share in a batch, such as a tag or a stream's name; in whatever form the transport understands. A
    /// transport may send lines of one group together.
    var group: [UInt8] { get }

    /// How long lines may be kept before ``flush()`` is asked for; `nil` for an encoder that keeps none.
    var longestHold: Duration? { get }

    /// Lines are sent as they were added, one right behind the other: their lane then puts them together by ``append(_:to:)`` instead of asking for
    /// each by itself, so that what is done once for everything that is sent is not done once a line.
    var joins: Bool { get }

    /// For an encoder that ``joins``: adds what ``encode(_:)`` makes of a line.
    mutating func append(_ line: ShippedLine, to bytes: inout [UInt8])

    /// For an encoder that ``joins``: adds what ``encode(_:)`` makes of each of these lines. Where a container writes much, this is what it comes to, so
    /// what is the same for all of them is made once.
    mutating func append(_ run: ShippedRun, to bytes: inout [UInt8])

    /// The lines that are complete with this one; none for a line that the receiver is not given (it counts as sent), or that is kept.
    mutating func encode(_ line: ShippedLine) -> [EncodedLine]

    /// What has been kept, because it has been kept long enough or nothing more comes.
    mutating func flush() -> [EncodedLine]
}

extension LineEncoder {
    /// In bytes.
    package var longestText: Int { 1 << 20 }
    package var group: [UInt8] { [] }
    package var longestHold: Duration? { nil }
    package var joins: Bool { false }
    package mutating func append(_ line: ShippedLine, to bytes: inout [UInt8]) {
        for encoded in encode(line) { bytes += encoded.bytes }
    }
    package mutating func append(_ run: ShippedRun, to bytes: inout [UInt8]) {
        for text in run.text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = ShippedLine(stream: run.stream, time: run.time, text: Array(text), position: run.position)
            append(line, to: &bytes)
        }
    }
    package mutating func flush() -> [EncodedLine] { [] }
}
