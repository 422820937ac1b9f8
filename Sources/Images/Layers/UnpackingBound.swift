/// How much may come out of one layer or archive: a few kilobytes can be packed so that they fill any disk.
package struct UnpackingBound: Sendable, Equatable {
    /// Bytes that come out of an archive, 256 GiB unless set.
    package var total: Int64
    /// How many times its own size may come out of it, 500 unless set; gzip can pack zeros a thousand times.
    package var ratio: Int64
    /// Up to this the ratio does not count, 1 GiB: files of zeros are no harm as long as there are few.
    package var free: Int64

    /// What is not said is as said above.
    package init(total: Int64 = 256 << 30, ratio: Int64 = 500, free: Int64 = 1 << 30) {
        self.total = total
        self.ratio = ratio
        self.free = free
    }

    /// - Throws: ``ImagesError`` `tooLarge`.
    func check(packed: Int64, plain: Int64) throws(ImagesError) {
        if plain > total {
            throw ImagesError(.tooLarge, "archive unpacks to more than \(total) bytes, the most that is allowed here")
        }
        let (most, isBeyond) = packed.multipliedReportingOverflow(by: ratio)
        if plain > free, !isBeyond, plain > most {
            throw ImagesError(
                .tooLarge, "archive unpacks to more than \(ratio) times its size, the most that is allowed here")
        }
    }
}
