/// Looking into octets that came from outside: a position that is not there has nothing, and stops nobody.
extension Array<UInt8> {
    /// The octet at a position; `nil` outside.
    func octet(at position: Int) -> UInt8? { position < 0 ? nil : dropFirst(position).first }

    /// So many octets from a position on; `nil` when there are not as many.
    func octets(at position: Int, _ length: Int) -> ArraySlice<UInt8>? {
        guard length >= 0, (0...count).contains(position), length <= count - position else { return nil }
        return dropFirst(position).prefix(length)
    }

    /// Two octets as a number, the most significant first; `nil` when they are not there.
    func number16(at position: Int) -> UInt16? {
        guard let octets = octets(at: position, 2), let high = octets.first, let low = octets.last else { return nil }
        return UInt16(high: high, low: low)
    }
}

extension UInt16 {
    init(high: UInt8, low: UInt8) { self = UInt16(truncatingIfNeeded: high) << 8 | UInt16(truncatingIfNeeded: low) }

    /// Both octets, the most significant first.
    var octets: [UInt8] { [UInt8(truncatingIfNeeded: self >> 8), UInt8(truncatingIfNeeded: self)] }
}
