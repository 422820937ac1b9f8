import CESP
import CLinux
import ESPControl
import Glibc
import LinuxSystem

/// The sequence numbers of keys, in a file below `/run` that is mapped: what has been used up is known when the process is killed, because it was written before it
/// was used. Of keys there are only fingerprints in it.
///
/// A file that is not of this boot, not of this form or not there is begun anew, under another name (``CounterPageID``): keys of before are refused then.
/// Numbers of keys that are used no more stay for two days, so that a key which is told once more goes on. For one thread; the places that it
/// gives out may be used by any, as long as this object is there.
final class CounterPages {
    /// What a place is for, and what it holds.
    struct Place: @unchecked Sendable {
        // Safe: read and written with atomic operations alone.
        let number: UnsafeMutablePointer<UInt64>
        fileprivate let slot: Int
    }

    enum PageError: Error, Equatable {
        /// The sender's numbers of that epoch are forgotten.
        case epochTooOld
        case noRoom(Int32)
    }

    /// In the file, in the machine's own order: magic, version, the page's id, 16 bytes of the boot's id, the highest epoch of which outbound numbers were
    /// forgotten.
    private static let magic: UInt64 = 0x6170_7573_2d65_7370
    private static let headerBytes = 4096
    /// Fingerprint 16, number 8, epoch 8, flags 8 (1 used, 2 outbound), second of its end 8, not used 16.
    private static let slotBytes = 64
    private static let extentBytes = 64 << 10
    private static let slotsPerExtent = extentBytes / slotBytes
    /// Seconds for which a number stays after its key's end.
    private static let remembered: UInt64 = 48 * 3600

    let id: CounterPageID
    private let file: Descriptor
    private let header: UnsafeMutableRawPointer
    private var extents: [UnsafeMutableRawPointer] = []
    private var known: [KeyFingerprint: Int] = [:]
    private var free: [Int] = []

    /// Opens or begins the file, and locks it for as long as this object is there.
    /// - Throws: `SystemError`; EWOULDBLOCK while another process has it.
    init(path: String) throws(SystemError) {
        file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        try check(clinux_flock(file.raw, 1, 0), "lock \(path)")
        var status = stat()
        try check(fstat(file.raw, &status), "look at \(path)")
        let boot = Self.bootID()
        if status.st_size < Self.headerBytes {
            try check(ftruncate(file.raw, off_t(clamping: Self.headerBytes)), "extend \(path)")
        }
        header = try Self.map(file.raw, 0, Self.headerBytes)
        let isOurs =
            status.st_size >= Self.headerBytes && header.rawLong(0) == Self.magic && header.rawLong(8) == 1
            && header.rawLong(16) != 0 && header.rawLong(24) == boot.0 && header.rawLong(32) == boot.1
        if !isOurs {
            // Whatever was there means nothing now.
            try check(ftruncate(file.raw, off_t(clamping: Self.headerBytes)), "empty \(path)")
            header.initializeMemory(as: UInt8.self, repeating: 0, count: Self.headerBytes)
            header.putRawLong(8, 1)
            header.putRawLong(16, UInt64.random(in: 1 ... .max))
            header.putRawLong(24, boot.0)
            header.putRawLong(32, boot.1)
            header.putRawLong(0, Self.magic)
        }
        id = CounterPageID(header.rawLong(16))
        if isOurs {
            let count = (Int(clamping: status.st_size) - Self.headerBytes) / Self.extentBytes
            for _ in 0..<max(0, count) { try mapExtent() }
        }
    }

    deinit {
        munmap(header, Self.headerBytes)
        for extent in extents { munmap(extent, Self.extentBytes) }
    }

    /// The place of a key's numbers: the one it has, or a fresh one, which begins with 0.
    func place(_ key: AssociationKey, _ direction: AssociationDirection, epoch: UInt64) throws(PageError) -> Place {
        let fingerprint = KeyFingerprint(key, direction)
        if let slot = known[fingerprint] {
            let place = bytes(slot)
            place.putRawLong(40, 0)
            return Place(number: number(slot), slot: slot)
        }
        if direction == .outbound, epoch <= header.rawLong(40), header.rawLong(48) != 0 { throw .epochTooOld }
        if free.isEmpty { forget(before: cesp_seconds()) }
        if free.isEmpty {
            do throws(SystemError) {
                let length = Self.headerBytes + (extents.count + 1) * Self.extentBytes
                try check(ftruncate(file.raw, off_t(clamping: length)), "extend the counters")
                try mapExtent()
            } catch { throw .noRoom(error.errno) }
        }
        guard let slot = free.popLast() else { throw .noRoom(ENOMEM) }
        let place = bytes(slot)
        place.putRawLong(0, fingerprint.high)
        place.putRawLong(8, fingerprint.low)
        place.putRawLong(16, 0)
        place.putRawLong(24, epoch)
        place.putRawLong(40, 0)
        // Last: it counts from now on.
        place.putRawLong(32, direction == .outbound ? 3 : 1)
        known[fingerprint] = slot
        return Place(number: number(slot), slot: slot)
    }

    /// The key is used no more. Its number is remembered for two days.
    func retire(_ place: Place) { bytes(place.slot).putRawLong(40, max(1, cesp_seconds())) }

    /// Forgets numbers of keys that ended more than two days before. Of senders' epochs it is remembered that they are over.
    func forget(before now: UInt64) {
        for (fingerprint, slot) in known {
            let place = bytes(slot)
            let end = place.rawLong(40)
            guard end != 0, now > end, now - end > Self.remembered else { continue }
            if place.rawLong(32) & 2 != 0 {
                header.putRawLong(40, max(header.rawLong(40), place.rawLong(24)))
                header.putRawLong(48, 1)
            }
            place.putRawLong(32, 0)
            known[fingerprint] = nil
            free.append(slot)
        }
    }

    private func bytes(_ slot: Int) -> UnsafeMutableRawPointer {
        extents[slot / Self.slotsPerExtent] + slot % Self.slotsPerExtent * Self.slotBytes
    }

    private func number(_ slot: Int) -> UnsafeMutablePointer<UInt64> {
        (bytes(slot) + 16).assumingMemoryBound(to: UInt64.self)
    }

    private func mapExtent() throws(SystemError) {
        let first = extents.count * Self.slotsPerExtent
        extents.append(
            try Self.map(file.raw, Self.headerBytes + extents.count * Self.extentBytes, Self.extentBytes))
        for slot in (first..<first + Self.slotsPerExtent).reversed() {
            let place = bytes(slot)
            if place.rawLong(32) & 1 == 0 {
                free.append(slot)
            } else {
                known[KeyFingerprint(high: place.rawLong(0), low: place.rawLong(8))] = slot
            }
        }
    }

    private static func map(_ file: CInt, _ offset: Int, _ length: Int) throws(SystemError) -> UnsafeMutableRawPointer {
        guard let place = cesp_map(file, offset, length) else {
            throw SystemError(errno: errno, attempting: "map the counters")
        }
        return place
    }

    /// Of the kernel; zeros where it does not tell, which is the same for every start then.
    private static func bootID() -> (UInt64, UInt64) {
        var digits: [UInt64] = []
        do throws(SystemError) {
            let text = try Descriptor.open("/proc/sys/kernel/random/boot_id", O_RDONLY).readToEnd(limit: 4096)
            digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map { UInt64(clamping: $0) } }
        } catch { digits = [] }
        return (
            digits.prefix(16).reduce(0) { $0 << 4 | $1 }, digits.dropFirst(16).prefix(16).reduce(0) { $0 << 4 | $1 }
        )
    }
}
