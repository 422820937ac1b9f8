/// How much may come out of one image layer or archive, as `--max-unpacked-gib` and `--max-unpacked-ratio` say it.
package struct UnpackedLimit: Sendable, Equatable {
    /// GiB, when nothing is said.
    package static let usualGiB: Int64 = 256
    /// Times the packed size, when nothing is said.
    package static let usualRatio: Int64 = 500

    package let bytes: Int64
    /// How many times its own size may come out of an archive, once that is more than a GiB.
    package let ratio: Int64

    /// What holds when nothing is said.
    package init() {
        bytes = Self.usualGiB << 30
        ratio = Self.usualRatio
    }

    /// `nil` for what would let nothing through, and for more bytes than can be counted.
    package init?(gib: Int64, ratio: Int64) {
        let (bytes, isTooMuch) = gib.multipliedReportingOverflow(by: 1 << 30)
        guard gib > 0, !isTooMuch, ratio > 0 else { return nil }
        self.bytes = bytes
        self.ratio = ratio
    }
}
