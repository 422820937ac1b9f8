import CESP
import ESPControl
import Glibc
import LinuxSystem
import TestKit
import Testing

@testable import ESP

/// A number is never used twice with a key, whatever happens to the process; what cannot be known is refused.
@Suite struct CounterPagesTests {
    private func withFile(_ body: (String) throws -> Void) throws {
        let path = "/tmp/apus-esp-test-\(RandomID.hex(bytes: 6))"
        defer { unlink(path) }
        try body(path)
    }

    private func next(_ pages: CounterPages, _ key: AssociationKey, epoch: UInt64 = 1) throws -> UInt64 {
        let place = try pages.place(key, .outbound, epoch: epoch)
        return withExtendedLifetime(pages) { cesp_take(place.number) }
    }

    private func key(_ number: UInt8) throws -> AssociationKey {
        try #require(AssociationKey(key: [UInt8](repeating: number, count: 32), salt: [1, 2, 3, 4]))
    }

    @Test func `who comes after a process that was killed goes on behind its numbers`() throws {
        try withFile { path in
            var used: Set<UInt64> = []
            var names: Set<CounterPageID> = []
            for _ in 0..<5 {
                // Let go of without a word, as when it is killed.
                let pages = try CounterPages(path: path)
                names.insert(pages.id)
                let place = try pages.place(try key(1), .outbound, epoch: 3)
                withExtendedLifetime(pages) {
                    for _ in 0..<100 { #expect(used.insert(cesp_take(place.number)).inserted) }
                }
            }
            #expect(used == Set(1...500) && names.count == 1)
        }
    }

    @Test func `a key that is removed and told again goes on, another begins anew`() throws {
        try withFile { path in
            let pages = try CounterPages(path: path)
            let place = try pages.place(try key(1), .outbound, epoch: 3)
            withExtendedLifetime(pages) { for _ in 0..<7 { _ = cesp_take(place.number) } }
            pages.retire(place)
            #expect(try next(pages, try key(1), epoch: 3) == 8)
            #expect(try next(pages, try key(2), epoch: 3) == 1)
            // The same key the other way is another number: what it has received.
            let received = try pages.place(try key(1), .inbound, epoch: 3)
            withExtendedLifetime(pages) { #expect(received.number.pointee == 0) }
        }
    }

    @Test func `only one process has the file`() throws {
        try withFile { path in
            let first = try CounterPages(path: path)
            #expect(throws: SystemError.self) { try CounterPages(path: path) }
            withExtendedLifetime(first) {}
        }
    }

    @Test func `a file that is lost or damaged is another page`() throws {
        try withFile { path in
            let first = try CounterPages(path: path).id
            unlink(path)
            let second = try CounterPages(path: path).id
            #expect(first != second)
            let file = try Descriptor.open(path, O_WRONLY)
            try file.writeAll([0xff])
            let third = try CounterPages(path: path).id
            #expect(third != second)
            #expect(truncate(path, 100) == 0)
            #expect(try CounterPages(path: path).id != third)
        }
    }

    @Test func `of another boot nothing is taken over`() throws {
        try withFile { path in
            let before: CounterPageID
            do {
                let pages = try CounterPages(path: path)
                before = pages.id
                let place = try pages.place(try key(1), .outbound, epoch: 1)
                withExtendedLifetime(pages) { for _ in 0..<9 { _ = cesp_take(place.number) } }
            }
            let file = try Descriptor.open(path, O_RDWR)
            #expect(pwrite(file.raw, [UInt8](repeating: 9, count: 16), 16, 24) == 16)
            let pages = try CounterPages(path: path)
            #expect(pages.id != before)
            #expect(try next(pages, try key(1)) == 1)
        }
    }

    @Test func `what ended two days before is forgotten, and its epoch refused`() throws {
        try withFile { path in
            let pages = try CounterPages(path: path)
            let place = try pages.place(try key(1), .outbound, epoch: 3)
            let inUse = try pages.place(try key(2), .outbound, epoch: 3)
            pages.retire(place)
            pages.forget(before: cesp_seconds() + 47 * 3600)
            #expect(try pages.place(try key(1), .outbound, epoch: 3).number == place.number)
            pages.retire(place)
            pages.forget(before: cesp_seconds() + 49 * 3600)
            #expect(throws: CounterPages.PageError.epochTooOld) { try pages.place(try key(1), .outbound, epoch: 3) }
            #expect(try pages.place(try key(2), .outbound, epoch: 3).number == inUse.number)
            #expect(try next(pages, try key(3), epoch: 4) == 1)
            #expect(throws: Never.self) { try pages.place(try key(4), .inbound, epoch: 1) }
        }
    }

    @Test func `there is room for many`() throws {
        try withFile { path in
            var last: UInt64 = 0
            for round in 0..<2 {
                let pages = try CounterPages(path: path)
                for number in 0..<3000 {
                    let key = try #require(
                        AssociationKey(
                            key: [UInt8](repeating: UInt8(number % 256), count: 32),
                            salt: [UInt8(number / 256), 0, 0, 0]))
                    last = try next(pages, key)
                    #expect(last == UInt64(round + 1))
                }
            }
        }
    }

    @Test func `keys are not in the file`() throws {
        try withFile { path in
            let pages = try CounterPages(path: path)
            _ = try pages.place(try key(0x5a), .outbound, epoch: 1)
            let bytes = try Descriptor.open(path, O_RDONLY).readToEnd()
            #expect(!bytes.isEmpty && bytes.firstRange(of: [UInt8](repeating: 0x5a, count: 8)) == nil)
            withExtendedLifetime(pages) {}
        }
    }
}
