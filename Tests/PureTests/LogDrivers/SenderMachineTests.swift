import Logs
import Model
import TestKit
import Testing

@testable import LogDrivers

@Suite struct SenderMachineTests {
    /// A world that plays with the machine: containers that write, a receiver that fails in every way there is. What has been confirmed the
    /// receiver has; all lines of a container come in order, but for what is sent again.
    @Test(arguments: UInt64(0)..<200) func `whatever happens, nothing is lost, and what is confirmed has arrived`(
        seed: UInt64
    ) {
        var random = SeededGenerator(seed: seed)
        var world = World()
        for _ in 0..<600 { world.step(&random, isKind: false) }
        for _ in 0..<600 { world.step(&random, isKind: true) }
        #expect(world.confirmed == world.written, "seed \(seed)")
        #expect(world.problems == [], "seed \(seed)")
        #expect(world.machine.phase == .idle)
    }

    @Test func `what came back is not confirmed, however late it is looked at`() {
        var machine = SenderMachine()
        func confirms(_ event: SenderMachine.Event, at now: Duration) -> Int {
            machine.receive(event, now: now, chance: 0.5).count { if case .confirm = $0 { true } else { false } }
        }
        #expect(confirms(.wanted, at: .zero) == 0)
        #expect(confirms(.collected(LogBatch([World.item(1)])), at: .zero) == 0)
        #expect(confirms(.connected, at: .zero) == 0)
        #expect(confirms(.sent(.handedOver), at: .zero) == 0)
        #expect(confirms(.collected(nil), at: .zero) == 0)
        // It failed at once, and the machine was busy meanwhile.
        #expect(confirms(.failed("refused"), at: .seconds(5)) == 0)
        #expect(confirms(.timer, at: .seconds(6)) == 0)
        #expect(confirms(.connected, at: .seconds(6)) == 0)
        #expect(confirms(.sent(.handedOver), at: .seconds(6)) == 0)
        #expect(confirms(.timer, at: .seconds(7)) == 1)
    }

    @Test func `of what nobody has answered for the oldest counts as arrived, one by one`() {
        var machine = SenderMachine()
        func confirmed(_ event: SenderMachine.Event) -> [String] {
            machine.receive(event, now: .zero, chance: 0.5).flatMap { effect -> [String] in
                if case .confirm(let batch) = effect { batch.items.map(\.containerID) } else { [] }
            }
        }
        #expect(confirmed(.wanted) == [])
        // Batches of a quarter of what may be under way.
        for number in 0..<12 {
            let line = EncodedLine(
                bytes: Array(repeating: 0, count: SenderMachine.mostUnsettled / 4), time: Timestamp(seconds: 0),
                position: LogPosition(place: nil, pieces: number))
            let batch = LogBatch([LogBatch.Item(line: line, group: [], containerID: "\(number)")])
            #expect(confirmed(.collected(batch)) == [])
            if number == 0 { #expect(confirmed(.connected) == []) }
            let settled = confirmed(.sent(.handedOver))
            #expect(settled == (number < 4 ? [] : ["\(number - 4)"]))
        }
    }

    @Test func `what was given before an end in order settles a second later, and nothing is sent meanwhile`() {
        var machine = Self.given()
        #expect(Self.words(machine.receive(.ended, now: .milliseconds(100), chance: 0.5)) == ["wake"])
        _ = machine.receive(.wanted, now: .milliseconds(200), chance: 0.5)
        let next = LogBatch([World.item(2)])
        #expect(Self.words(machine.receive(.collected(next), now: .milliseconds(200), chance: 0.5)) == ["wake"])
        #expect(!machine.settles(by: .milliseconds(999)) && machine.settles(by: .seconds(1)))
        let settled = machine.receive(.timer, now: .seconds(1), chance: 0.5)
        #expect(Self.words(settled) == ["confirm 1", "close", "connect"])
    }

    @Test func `what was given before an end in order is sent again when the connection breaks yet`() {
        var machine = Self.given()
        _ = machine.receive(.ended, now: .milliseconds(100), chance: 0.5)
        let broken = machine.receive(.failed("reset"), now: .milliseconds(200), chance: 0.5)
        #expect(Self.words(broken) == ["close", "wake"])
        #expect(Self.words(machine.receive(.timer, now: .seconds(1), chance: 0.5)) == ["connect"])
        #expect(Self.words(machine.receive(.connected, now: .seconds(1), chance: 0.5)) == ["send 1"])
    }

    @Test func `an answer settles what a connection was given that has ended`() {
        var machine = Self.given()
        _ = machine.receive(.wanted, now: .zero, chance: 0.5)
        _ = machine.receive(.collected(LogBatch([World.item(2)])), now: .zero, chance: 0.5)
        #expect(Self.words(machine.receive(.ended, now: .zero, chance: 0.5)) == ["wake"])
        let answered = machine.receive(.sent(.accepted), now: .zero, chance: 0.5)
        #expect(Self.words(answered) == ["confirm 1", "confirm 2", "close", "collect"])
    }

    /// One that has handed a line over at the beginning of time.
    private static func given() -> SenderMachine {
        var machine = SenderMachine()
        let events: [SenderMachine.Event] = [
            .wanted, .collected(LogBatch([World.item(1)])), .connected, .sent(.handedOver), .collected(nil),
        ]
        for event in events { _ = machine.receive(event, now: .zero, chance: 0.5) }
        return machine
    }

    private static func words(_ effects: [SenderMachine.Effect]) -> [String] {
        func numbers(_ batch: LogBatch) -> String {
            batch.items.map { "\($0.line.position.pieces)" }.joined(separator: ",")
        }
        return effects.map { effect in
            switch effect {
            case .collect: "collect"
            case .connect: "connect"
            case .send(let batch): "send \(numbers(batch))"
            case .close: "close"
            case .confirm(let batch): "confirm \(numbers(batch))"
            case .refuse: "refuse"
            case .wake: "wake"
            case .report: "report"
            }
        }
    }

    private struct World {
        var machine = SenderMachine()
        var now = Duration.zero
        var written = 0
        var collected = 0
        var confirmed = 0
        var refused: Set<Int> = []
        /// Lines that the receiver has for good.
        var arrived: Set<Int> = []
        /// Lines that it has, until the connection breaks.
        var inHand: [(line: Int, time: Duration)] = []
        var isConnected = false
        var pending: [SenderMachine.Effect] = []
        var wake: Duration?
        var problems: [String] = []

        mutating func step(_ random: inout SeededGenerator, isKind: Bool) {
            now += .milliseconds(Int.random(in: 1...400, using: &random))
            // What was handed over long enough ago has arrived.
            let (old, young) = (
                inHand.filter { $0.time + .milliseconds(900) < now },
                inHand.filter { $0.time + .milliseconds(900) >= now }
            )
            arrived.formUnion(old.map(\.line))
            inHand = young
            if !isKind || written == 0 {
                written += Int.random(in: 0...3, using: &random)
                tell(.wanted, &random)
            }
            if let wake, wake <= now {
                self.wake = nil
                tell(.timer, &random)
            }
            if isConnected, !isKind, Int.random(in: 0..<12, using: &random) == 0 {
                // It breaks, or ends in order, beside whatever is under way.
                if Bool.random(using: &random) {
                    inHand = []
                    tell(.failed("broken"), &random)
                } else {
                    arrived.formUnion(inHand.map(\.line))
                    inHand = []
                    tell(.ended, &random)
                }
            }
            guard !pending.isEmpty else { return }
            answer(pending.removeFirst(), &random, isKind)
        }

        mutating func answer(_ effect: SenderMachine.Effect, _ random: inout SeededGenerator, _ isKind: Bool) {
            switch effect {
            case .collect:
                let lines = collected..<written
                collected = written
                tell(.collected(lines.isEmpty ? nil : LogBatch(lines.map(Self.item))), &random)
            case .connect:
                if isKind || Bool.random(using: &random) {
                    isConnected = true
                    tell(.connected, &random)
                } else {
                    tell(.failed("no connection"), &random)
                }
            case .send(let batch): send(batch, &random, isKind)
            default: break
            }
        }

        mutating func send(_ batch: LogBatch, _ random: inout SeededGenerator, _ isKind: Bool) {
            guard isConnected else {
                tell(.failed("closed"), &random)
                return
            }
            let lines = batch.items.map { Int($0.line.position.pieces) }
            switch Int.random(in: 0..<(isKind ? 2 : 6), using: &random) {
            case 0:
                // Who answers has read what came before.
                arrived.formUnion(inHand.map(\.line) + lines)
                inHand = []
                tell(.sent(.accepted), &random)
            case 1:
                inHand += lines.map { ($0, now) }
                tell(.sent(.handedOver), &random)
            case 2:
                // Some of it may have come through.
                arrived.formUnion(lines.prefix(Int.random(in: 0...lines.count, using: &random)))
                isConnected = false
                inHand = []
                tell(.failed("reset"), &random)
            case 3: tell(.sent(.later(.seconds(1), reason: "busy")), &random)
            default:
                let outcomes = lines.map { line -> LineOutcome in
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: return .again
                    case 1:
                        refused.insert(line)
                        return .refused("bad")
                    default:
                        arrived.insert(line)
                        return .accepted
                    }
                }
                arrived.formUnion(inHand.map(\.line))
                inHand = []
                tell(.sent(.mixed(outcomes)), &random)
            }
        }

        mutating func tell(_ event: SenderMachine.Event, _ random: inout SeededGenerator) {
            for effect in machine.receive(event, now: now, chance: .random(in: 0...1, using: &random)) {
                switch effect {
                case .confirm(let batch):
                    for item in batch.items {
                        let line = item.line.position.pieces
                        if line != confirmed { problems.append("confirmed \(line) after \(confirmed)") }
                        confirmed = line + 1
                        if !arrived.contains(line), !refused.contains(line),
                            !inHand.contains(where: { $0.line == line })
                        {
                            problems.append("\(line) is confirmed and has not arrived")
                        }
                    }
                case .close:
                    isConnected = false
                    // Answers to what was under way are old, and nobody hears them.
                    pending.removeAll { if case .send = $0 { true } else { false } }
                case .wake(let pause): wake = min(wake ?? now + pause, now + pause)
                case .collect, .connect, .send: pending.append(effect)
                case .refuse, .report: break
                }
            }
        }

        static func item(_ number: Int) -> LogBatch.Item {
            LogBatch.Item(
                line: EncodedLine(
                    bytes: [0], time: Timestamp(seconds: 0), position: LogPosition(place: nil, pieces: number)),
                group: [], containerID: "a")
        }
    }

    @Test func `pauses double up to a minute, a fifth more or less, and begin anew after a success`() {
        var machine = SenderMachine()
        var pauses: [Duration] = []
        var now = Duration.zero
        _ = machine.receive(.wanted, now: now, chance: 0.5)
        _ = machine.receive(.collected(LogBatch([World.item(0)])), now: now, chance: 0.5)
        for _ in 0..<14 {
            for effect in machine.receive(.failed("x"), now: now, chance: 0.5) {
                if case .wake(let pause) = effect { pauses.append(pause) }
            }
            now += .seconds(61)
            _ = machine.receive(.timer, now: now, chance: 0.5)
            #expect(machine.phase == .connecting)
        }
        #expect(pauses.prefix(4) == [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(pauses.last == .seconds(60))
        #expect(machine.health == .down("x"))
        _ = machine.receive(.connected, now: now, chance: 0.5)
        _ = machine.receive(.sent(.accepted), now: now, chance: 0.5)
        #expect(machine.health == .ok)
        _ = machine.receive(.collected(nil), now: now, chance: 0.5)
        let late = machine.receive(.failed("y"), now: now, chance: 1)
        #expect(
            late.contains {
                if case .wake(let pause) = $0 {
                    pause > .milliseconds(119) && pause < .milliseconds(121)
                } else {
                    false
                }
            })
    }
}
