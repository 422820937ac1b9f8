import TestKit
import Testing

@testable import ESP

/// The window refuses what has been there and what is too old, and nothing else.
@Suite struct ReplayWindowTests {
    private func withWindow(kept: UInt64 = 0, _ body: (inout ReplayWindow, UnsafeMutablePointer<UInt64>) throws -> Void)
        rethrows
    {
        let place = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        place.initialize(to: kept)
        var window = ReplayWindow(kept: place)
        defer {
            window.free()
            place.deallocate()
        }
        try body(&window, place)
    }

    @Test(arguments: [0, (1 << 32) - 4000, 1 << 40] as [UInt64])
    func `it agrees with a set of all that came`(_ start: UInt64) {
        var random = SeededGenerator.fresh("window")
        withWindow(kept: start) { window, _ in
            var seen: Set<UInt64> = []
            var top = start
            var wrong: [String] = []
            for _ in 0..<60_000 {
                let number: UInt64
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5: number = top + UInt64.random(in: 1...3, using: &random)
                case 5..<8: number = top - min(top, UInt64.random(in: 0...9000, using: &random))
                case 8: number = top + UInt64.random(in: 1...200, using: &random)
                default: number = top + UInt64.random(in: 1...20_000, using: &random)
                }
                // What was before the window began counts as seen.
                let isNew = number > start && !seen.contains(number)
                let isYoung = number > top || top - number < UInt64(ReplayWindow.span)
                let expected = number > 0 && isNew && isYoung
                if window.mayAccept(number) != expected { wrong.append("\(number) at \(top)") }
                // The number is told by its low half, as long as it is near.
                if number > top ? number - top < 1 << 31 : top - number < UInt64(ReplayWindow.span) {
                    if window.infer(UInt32(truncatingIfNeeded: number)) != number {
                        wrong.append("half of \(number) at \(top)")
                    }
                }
                if expected {
                    window.accept(number)
                    seen.insert(number)
                    top = max(top, number)
                }
                if window.top != top { wrong.append("top \(window.top) at \(top)") }
            }
            #expect(wrong.prefix(5).isEmpty)
        }
    }

    @Test func `its highest number outlives it, and all before it is refused then`() {
        withWindow { window, place in
            for number in [UInt64(1), 2, 5] { window.accept(number) }
            #expect(place.pointee == 5)
            let next = ReplayWindow(kept: place)
            defer { next.free() }
            for number in UInt64(0)...5 { #expect(!next.mayAccept(number)) }
            #expect(next.mayAccept(6) && next.mayAccept(63) && next.mayAccept(70))
        }
    }

    @Test func `at the beginning no number is taken for one of a time before`() {
        withWindow { window, _ in
            #expect(window.infer(7) == 7)
            #expect(window.infer(.max) == 0xffff_ffff)
            window.accept(3)
            #expect(window.infer(.max) == 0xffff_ffff)
        }
    }
}
