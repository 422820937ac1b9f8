import Addressing
import EngineInterface
import Foundation

@testable import PathProbes
@testable import Telemetry

/// What is measured: probes of other nodes, blocks of history on disk, questions and answers of it, the kernel's files, and the texts that pages
/// are made of.
enum Measurements {
    private static let peer = IPAddress(192, 0, 2, 2)
    /// Not by chance, so that an input may be the answer.
    private static let nonce = ProbeNonce(high: 1, low: 2)

    /// The first byte says whether the checksum counts, whether the way is encrypted, and how long the link's packets are.
    static func probe(_ input: [UInt8]) {
        let (choice, rest) = input.choice(of: 8)
        guard let read = ProbeFrame.read(rest, hasChecksum: choice & 1 == 0) else { return }
        let station = ProbeFrame.station(of: peer)
        let written = read.frame.bytes(from: station, to: station, length: read.frame.size, leavesChecksum: false)
        let again = ProbeFrame.read(written[...], hasChecksum: true)
        Harness.demand(again?.frame == read.frame && again?.isDamaged == false, "written as another frame")
        let start = ContinuousClock.now
        var machine = PathMachine(
            kind: choice & 2 == 0 ? .vxlan : .esp, own: IPAddress(192, 0, 2, 1), linkMTU: choice & 4 == 0 ? 1500 : 60,
            makeNonce: { Measurements.nonce })
        machine.set([PathTarget(id: "n2", address: peer, isShared: true)], at: start)
        for second in 0..<15 {
            let now = start.advanced(by: .seconds(second))
            _ = machine.advance(to: now)
            for probe in machine.take(read.frame, from: station, isDamaged: read.isDamaged, at: now) {
                Harness.demand(probe.frame.kind == .question || probe.frame.size == read.frame.size, "another length")
            }
        }
        _ = machine.takeChanges()
        for path in machine.measurements(at: start.advanced(by: .seconds(15)), seconds: 1_700_000_000) {
            Harness.demand((0...1000).contains(path.lossPermille), "\(path.lossPermille) of 1000 are lost")
        }
    }

    /// The first byte chooses the kind of the block, and which columns are read.
    static func block(_ input: [UInt8]) {
        let (choice, rest) = input.choice(of: 4)
        let slots = choice & 1 == 0 ? TimeGrid.blockSlots : TimeGrid.coarseSlots
        let bytes = Array(rest)
        guard var reader = try? BlockReader(bytes, slots: slots) else { return }
        var rows: [(slot: Int, values: [Int64])] = []
        while (try? reader.next()) == true { rows.append((reader.slot, reader.values)) }
        let wanted = Array(stride(from: 0, to: BlockWriter.mostColumns, by: choice & 2 == 0 ? 1 : 3))
        bytes.withUnsafeBytes { compare($0, wanted, slots, rows) }
        for kind in EntityKind.allCases {
            let made = try? Coarsening.slots(of: bytes, start: 1_700_006_400, columns: kind.columns, before: nil)
            for value in (made ?? []).flatMap({ $0.average.values + $0.maximum.values }) {
                Harness.demand(value >= SampleRow.absent && value <= SampleRow.most, "\(value) is no value")
            }
        }
        // What was read is gone on with.
        guard var writer = try? BlockWriter(resuming: bytes, slots: slots) else { return }
        writer.append(SampleRow(values: Array(repeating: 7, count: 70)), at: slots - 1)
        let resumed = try? BlockWriter(resuming: writer.bytes, slots: slots)
        Harness.demand(resumed?.row == writer.row, "a row is read as another")
    }

    /// What passes over columns reads the others the same.
    private static func compare(
        _ bytes: UnsafeRawBufferPointer, _ wanted: [Int], _ slots: Int, _ rows: [(slot: Int, values: [Int64])]
    ) {
        guard var reader = try? ColumnReader(bytes, columns: wanted, slots: slots) else {
            return Harness.demand(false, "a block is taken for none")
        }
        for row in rows {
            Harness.demand((try? reader.next()) == true && reader.slot == row.slot, "a row is passed over")
            for column in wanted where row.values.indices.contains(column) {
                Harness.demand(reader.values[column] == row.values[column], "column \(column) is read as another")
            }
        }
        while (try? reader.next()) == true {}
    }

    /// Questions of history, and answers to them, as nodes send them.
    static func history(_ input: [UInt8]) {
        let (choice, rest) = input.choice(of: 2)
        let bytes = Data(rest)
        if choice == 0 {
            guard let query = try? JSONDecoder().decode(HistoryQuery.self, from: bytes) else { return }
            _ = try? query.columns()
            guard let grid = try? query.grid(now: 1_700_000_000) else { return }
            Harness.demand(
                (1...HistoryQuery.mostPoints).contains(grid.count) && grid.step > 0 && grid.start >= 0, "\(grid)")
            return
        }
        var query = HistoryQuery(groups: [], series: [], from: 0, to: 1, points: 1)
        query.readsPacked = true
        guard let answer = try? HistoryAnswer(sent: bytes), let sent = try? answer.sent(to: query) else { return }
        let again = try? HistoryAnswer(sent: sent)
        Harness.demand(again?.curves.count == min(answer.curves.count, HistoryQuery.mostCurves), "other curves")
    }

    /// What the kernel has in its files.
    static func stats(_ input: [UInt8]) {
        input.withUnsafeBytes { bytes in
            var text = StatText(bytes)
            var count = 0
            repeat {
                while let word = text.word() {
                    count += word.count
                    Harness.demand(StatText.number(word) ?? 0 >= 0, "less than nothing")
                }
            } while text.nextLine()
            Harness.demand(count <= bytes.count, "more than there is")
            for counters in ProcessProbe.interfaces(bytes) {
                Harness.demand(counters.receivedBytes >= 0 && counters.sendDrops >= 0, "less than nothing")
            }
            _ = ProcessProbe.tcp(bytes)
            let pressure = PressureText.totals(bytes)
            Harness.demand(pressure.some ?? 0 >= 0 && pressure.full ?? 0 >= 0, "less than nothing")
        }
    }

    /// Names and values of labels, as containers and nodes are given them: on a page they stay on their line.
    static func page(_ input: [UInt8]) {
        let name = String(decoding: input.prefix { $0 != 0 }, as: UTF8.self)
        let value = String(decoding: input.drop { $0 != 0 }.dropFirst(), as: UTF8.self)
        var labels = ExpositionWriter.Labels([(name, value)])
        MetricsLabels(name)?.add([name: value], to: &labels)
        var page = ExpositionWriter(.openMetrics)
        page.family("apus_name", .gauge, "Nothing.")
        page.sample(labels, 1)
        page.finish()
        Harness.demand(page.bytes.count { $0 == 0x0a } == 4, "a label is on several lines")
        let target = ScrapeTarget(address: value, labels: [name: value, "label_" + name: value])
        guard let targets = try? ScrapeTarget.page([target]) else { return }
        Harness.demand((try? JSONSerialization.jsonObject(with: Data(targets))) != nil, "no JSON")
    }
}
