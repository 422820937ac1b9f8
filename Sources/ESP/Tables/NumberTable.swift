/// Numbers by numbers, for the threads that pass packets on: open addressing without objects behind it. Looking up takes neither lock nor memory.
struct NumberTable: ~Copyable {
    private struct Entry {
        var key: UInt64
        var value: Int32
        /// 0 empty, 1 used, 2 was used.
        var state: UInt8
    }

    private var entries: UnsafeMutablePointer<Entry>
    private var mask: Int
    private var used = 0
    private var gone = 0

    init() {
        mask = 15
        entries = .allocate(capacity: 16)
        entries.initialize(repeating: Entry(key: 0, value: 0, state: 0), count: 16)
    }

    deinit { entries.deallocate() }

    var count: Int { used }

    @inline(__always) private func place(_ key: UInt64) -> Int {
        var mixed = key &* 0x9e37_79b9_7f4a_7c15
        mixed ^= mixed >> 32
        return Int(truncatingIfNeeded: mixed) & mask
    }

    /// -1 where there is none.
    @inline(__always) func value(_ key: UInt64) -> Int {
        var at = place(key)
        while true {
            let entry = entries + at
            if entry.pointee.state == 0 { return -1 }
            if entry.pointee.state == 1, entry.pointee.key == key {
                return Int(truncatingIfNeeded: entry.pointee.value)
            }
            at = (at &+ 1) & mask
        }
    }

    /// - Parameter value: 0 or more.
    mutating func set(_ key: UInt64, _ value: Int) {
        if (used + gone + 1) * 2 > mask { rebuild() }
        var at = place(key)
        var free: Int?
        while true {
            let entry = entries + at
            if entry.pointee.state == 0 { break }
            if entry.pointee.state == 1, entry.pointee.key == key {
                entry.pointee.value = Int32(truncatingIfNeeded: value)
                return
            }
            if entry.pointee.state == 2, free == nil { free = at }
            at = (at &+ 1) & mask
        }
        if free != nil { gone -= 1 }
        (entries + (free ?? at)).pointee = Entry(key: key, value: Int32(truncatingIfNeeded: value), state: 1)
        used += 1
    }

    mutating func remove(_ key: UInt64) {
        var at = place(key)
        while (entries + at).pointee.state != 0 {
            if (entries + at).pointee.state == 1, (entries + at).pointee.key == key {
                (entries + at).pointee.state = 2
                used -= 1
                gone += 1
                return
            }
            at = (at &+ 1) & mask
        }
    }

    /// Looks at all.
    func forEach(_ body: (UInt64, Int) -> Void) {
        for at in 0...mask where (entries + at).pointee.state == 1 {
            body((entries + at).pointee.key, Int(truncatingIfNeeded: (entries + at).pointee.value))
        }
    }

    /// Removes what a test picks.
    mutating func removeAll(where isUnwanted: (UInt64, Int) -> Bool) {
        for at in 0...mask where (entries + at).pointee.state == 1 {
            let entry = (entries + at).pointee
            if isUnwanted(entry.key, Int(truncatingIfNeeded: entry.value)) {
                (entries + at).pointee.state = 2
                used -= 1
                gone += 1
            }
        }
    }

    private mutating func rebuild() {
        let (old, size) = (entries, mask + 1)
        var larger = 16
        while larger < (used + 1) * 4 { larger *= 2 }
        mask = larger - 1
        entries = .allocate(capacity: larger)
        entries.initialize(repeating: Entry(key: 0, value: 0, state: 0), count: larger)
        (used, gone) = (0, 0)
        for at in 0..<size where (old + at).pointee.state == 1 {
            set((old + at).pointee.key, Int(truncatingIfNeeded: (old + at).pointee.value))
        }
        old.deallocate()
    }
}

/// Records by small numbers that somebody else chooses, for one thread. Records must own nothing, or be emptied first.
struct RecordPool<Record: BitwiseCopyable>: ~Copyable {
    private var records: UnsafeMutablePointer<Record>
    private let empty: Record
    private(set) var count = 0

    init(empty: Record) {
        self.empty = empty
        records = .allocate(capacity: 1)
        records.initialize(to: empty)
        count = 1
    }

    deinit { records.deallocate() }

    /// The record's place, good until the next ``reserve(_:)``. Only for indices that were reserved.
    @inline(__always) subscript(_ index: Int) -> UnsafeMutablePointer<Record> { records + index }

    /// Makes room for the index.
    mutating func reserve(_ index: Int) {
        if index < count { return }
        var larger = count
        while larger <= index { larger *= 2 }
        let moved = UnsafeMutablePointer<Record>.allocate(capacity: larger)
        moved.initialize(from: records, count: count)
        (moved + count).initialize(repeating: empty, count: larger - count)
        records.deallocate()
        (records, count) = (moved, larger)
    }
}

/// Gives out the smallest numbers that are free.
struct NumberAllocator {
    private var free: [Int] = []
    private var next = 0

    mutating func take() -> Int {
        if let number = free.popLast() { return number }
        defer { next += 1 }
        return next
    }

    mutating func giveBack(_ number: Int) { free.append(number) }
}
