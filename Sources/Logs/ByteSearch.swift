import Glibc

extension ArraySlice<UInt8> {
    /// As `firstIndex(of:)`, by memchr(3): logs are searched for line ends all the time.
    func position(of byte: UInt8) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, CInt(clamping: byte), bytes.count) else {
                return nil
            }
            return startIndex + (UnsafeRawPointer(found) - base)
        }
    }
}
