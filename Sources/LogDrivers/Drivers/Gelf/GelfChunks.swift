/// Splits a message that has no room in one datagram: `1e 0f`, eight bytes that all chunks of a message share, the chunk's number, how many there
/// are. Receivers put up with 128, and forget a message of which five seconds later not all have come.
enum GelfChunks {
    static let longestDatagram = 1420
    private static let mostChunks = 128
    private static let headLength = 12
    private static let room = longestDatagram - headLength
    static let longestMessage = mostChunks * room

    /// - Parameter id: No two messages of a sender may share it within seconds.
    /// - Returns: The datagrams; none when more than 128 would be needed.
    static func split(_ message: [UInt8], id: @autoclosure () -> UInt64) -> [[UInt8]] {
        if message.count <= longestDatagram { return [message] }
        guard message.count <= longestMessage else { return [] }
        let count = (message.count + room - 1) / room
        let id = id()
        var datagrams: [[UInt8]] = []
        var rest = message[...]
        while !rest.isEmpty {
            var datagram: [UInt8] = [0x1E, 0x0F]
            withUnsafeBytes(of: id.bigEndian) { datagram += $0 }
            datagram += [UInt8(clamping: datagrams.count), UInt8(clamping: count)]
            datagram += rest.prefix(room)
            rest = rest.dropFirst(room)
            datagrams.append(datagram)
        }
        return datagrams
    }
}
