import Images
import Testing

@testable import Engine

/// What the daemon's options say of how much may be unpacked.
@Suite struct UnpackedLimitTests {
    private func bound(_ limit: UnpackedLimit) -> UnpackingBound {
        var configuration = EngineConfiguration(rootDirectory: "/r", runDirectory: "/s", version: "1")
        configuration.unpackedLimit = limit
        return configuration.unpackingBound
    }

    @Test func `256 GiB and 500 times the packed size are let through when nothing is said`() {
        let configuration = EngineConfiguration(rootDirectory: "/r", runDirectory: "/s", version: "1")
        #expect(configuration.unpackingBound == UnpackingBound(total: 274_877_906_944, ratio: 500))
        #expect(UnpackedLimit(gib: UnpackedLimit.usualGiB, ratio: UnpackedLimit.usualRatio) == UnpackedLimit())
    }

    @Test func `what is said holds for every archive and layer`() throws {
        let small = try #require(UnpackedLimit(gib: 1, ratio: 20))
        #expect(bound(small) == UnpackingBound(total: 1_073_741_824, ratio: 20))
        let large = try #require(UnpackedLimit(gib: 8_589_934_591, ratio: .max))
        #expect(bound(large) == UnpackingBound(total: 8_589_934_591 << 30, ratio: .max))
    }

    @Test(
        arguments: [(0, 500), (-1, 500), (256, 0), (256, -500), (8_589_934_592, 500), (Int64.max, 500)]
            as [(Int64, Int64)])
    func `what lets nothing through, or cannot be counted, is refused`(gib: Int64, ratio: Int64) {
        #expect(UnpackedLimit(gib: gib, ratio: ratio) == nil)
    }
}
