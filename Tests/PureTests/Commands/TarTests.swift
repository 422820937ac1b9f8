import Commands
import Testing

@Suite struct TarTests {
    private func entry(_ name: String, _ size: Int64 = 0) -> TarEntry {
        var entry = TarEntry(name: name, kind: size > 0 ? .file : .folder, mode: 0o755)
        entry.size = size
        entry.modified = 1_795_414_862
        entry.owner = 7
        return entry
    }

    @Test(arguments: [1, 7, 512, 513, 100_000])
    func `archives come back as they were, in any pieces`(pieces: Int) throws {
        var link = TarEntry(name: "l", kind: .link, mode: 0o777)
        link.target = String(repeating: "t/", count: 80) + "é"
        let entries = [
            entry("d/"), entry("d/a", 3), entry(String(repeating: "long/", count: 60) + "b", 512), link,
        ]
        var archive: [UInt8] = []
        for entry in entries {
            archive += TarFormat.header(entry) + [UInt8](repeating: 0x61, count: Int(entry.size))
            archive += TarFormat.padding(entry.size)
        }
        archive += TarFormat.end
        #expect(archive.count % TarFormat.block == 0)
        var reader = TarReader()
        var found: [TarEntry] = []
        var bytes = 0
        for start in stride(from: 0, to: archive.count, by: pieces) {
            for event in try reader.feed(Array(archive[start..<min(start + pieces, archive.count)])) {
                switch event {
                case .entry(let entry): found.append(entry)
                case .bytes(let part): bytes += part.count
                }
            }
        }
        #expect(found == entries && bytes == 515)
    }

    @Test(arguments: ["1 ", "2 a", "0 a=b\n", "3 a=b\n", "99 a=b\n", "-4 a", "1", ""])
    func `records of an archive that claim a wrong length are passed over`(record: String) throws {
        var extra = TarFormat.header(entry("x", Int64(max(1, record.utf8.count))))
        extra[156] = 0x78
        // The sum is not looked at.
        let body = Array((record.isEmpty ? " " : record).utf8)
        var reader = TarReader()
        let events = try reader.feed(
            extra + body + TarFormat.padding(Int64(body.count)) + TarFormat.header(entry("d/")) + TarFormat.end)
        #expect(events.count == 1)
    }

    @Test func `what is no archive is refused`() {
        var reader = TarReader()
        #expect(throws: ValueError.self) { try reader.feed([UInt8](repeating: 0x41, count: 512)) }
    }
}
