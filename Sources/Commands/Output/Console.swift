import LinuxSystem

/// Standard output and standard error, and standard input.
enum Console {
    static func text(_ text: String) { write(1, Array(text.utf8)) }
    static func line(_ text: String = "") { write(1, Array((text + "\n").utf8)) }
    static func error(_ text: String) { write(2, Array((text + "\n").utf8)) }

    /// Waits for the reader, as every program does that prints; streams that may be long use `pass`.
    static func write(_ descriptor: CInt, _ bytes: [UInt8]) { ConsoleIO.current.write(descriptor, bytes) }

    /// The same for streams: on a thread of its own, so that a slow reader holds nobody up but the stream.
    static func pass(_ bytes: [UInt8], to descriptor: CInt) async throws {
        guard !bytes.isEmpty else { return }
        let console = ConsoleIO.current
        try await onThread { console.write(descriptor, bytes) }
    }

    static func isTerminal(_ descriptor: CInt) -> Bool { ConsoleIO.current.isTerminal(descriptor) }

    /// Standard input, or another descriptor, piece by piece, until it ends.
    static func readInput(_ descriptor: CInt = 0, atMost count: Int = 64 << 10) async throws -> [UInt8]? {
        let console = ConsoleIO.current
        return try await onThread { try console.read(descriptor, count) }
    }

    /// A question that only `y` answers with yes.
    static func confirms(_ question: String) async throws -> Bool {
        text(question + " [y/N] ")
        var answer: [UInt8] = []
        while let bytes = try await readInput(atMost: 1), bytes != [0x0a] { answer += bytes }
        return String(decoding: answer, as: UTF8.self).lowercased().filter { !$0.isWhitespace } == "y"
    }
}
