import CESP

/// Which numbers of an inbound association have been there: RFC 4303 section 3.4.3, as a ring of blocks of 64 bits (RFC 6479). The highest is kept
/// where it outlives the process, too. Freed by its owner.
struct ReplayWindow {
    static let blocks = 128
    /// Numbers below the highest that are still told apart: one block is being filled.
    static let span = (blocks - 1) * 64

    private(set) var top: UInt64
    private let bits: UnsafeMutablePointer<UInt64>
    private let kept: UnsafeMutablePointer<UInt64>

    /// - Parameter kept: the highest number that a process before has accepted, or 0; everything up to it is refused. Written to.
    init(kept: UnsafeMutablePointer<UInt64>) {
        self.kept = kept
        top = cesp_load(kept)
        bits = .allocate(capacity: Self.blocks)
        bits.initialize(repeating: top == 0 ? 0 : .max, count: Self.blocks)
        if top > 0 {
            // Numbers after the highest in its own block are not there yet.
            let filled = top & 63
            block(top).pointee = filled == 63 ? .max : (1 << (filled + 1)) &- 1
        }
    }

    func free() { bits.deallocate() }

    @inline(__always) private func block(_ number: UInt64) -> UnsafeMutablePointer<UInt64> {
        bits + Int(truncatingIfNeeded: (number >> 6) & UInt64(truncatingIfNeeded: Self.blocks - 1))
    }

    /// The whole number, of which the low half travels (RFC 4303 appendix A2.2).
    @inline(__always) func infer(_ low: UInt32) -> UInt64 {
        let span = UInt32(truncatingIfNeeded: Self.span)
        let topLow = UInt32(truncatingIfNeeded: top)
        let topHigh = top >> 32
        let bottom = topLow &- (span - 1)
        let high: UInt64
        if topLow >= span - 1 {
            high = low >= bottom ? topHigh : topHigh &+ 1
        } else {
            high = low >= bottom && topHigh > 0 ? topHigh &- 1 : topHigh
        }
        return high << 32 | UInt64(truncatingIfNeeded: low)
    }

    /// Asked before the packet is opened.
    @inline(__always) func mayAccept(_ number: UInt64) -> Bool {
        if number > top { return true }
        if number == 0 || top &- number >= UInt64(truncatingIfNeeded: Self.span) { return false }
        return block(number).pointee & (1 << (number & 63)) == 0
    }

    /// Told after the ICV was found right.
    @inline(__always) mutating func accept(_ number: UInt64) {
        if number > top {
            let first = top >> 6
            let ahead = min((number >> 6) &- first, UInt64(truncatingIfNeeded: Self.blocks))
            var step: UInt64 = 1
            while step <= ahead {
                block((first &+ step) << 6).pointee = 0
                step &+= 1
            }
            if ahead == UInt64(truncatingIfNeeded: Self.blocks) { block(number).pointee = 0 }
            top = number
            cesp_store(kept, number)
        }
        block(number).pointee |= 1 << (number & 63)
    }
}
