package import Addressing

/// An IPv6 address as a number of 128 bits, as nft lists it (1.0.6): in decimal digits while 64 bits hold it, else in hexadecimal ones.
package enum NumberText {
    /// The text of an address.
    package static func text(of address: IPv6Address) -> String {
        address.high == 0 ? String(address.low) : "0x" + String(address.number, radix: 16)
    }

    /// The octets that the kernel compares, in network order; `nil` for what is not written so.
    static func octets(_ text: some StringProtocol) -> [UInt8]? {
        let number =
            text.hasPrefix("0x") ? UInt128(text.dropFirst(2), radix: 16) : UInt128(text, radix: 10)
        return number.map { IPv6Address(number: $0).octets }
    }
}
