import Addressing
import Concurrency
import ESPControl
import Glibc
import LinuxSystem
import Synchronization
import TestKit
import Testing

/// An encrypted overlay between two nodes, with real devices, bridges and sockets.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EncryptedOverlayTests {
    private func ping(_ from: EncryptedWorld.Node, _ to: EncryptedWorld.Node, size: Int = 56) async throws -> Bool {
        let program = try #require(Processes.find("ping"))
        let status = try await Processes.run(
            SpawnRequest(
                executable: program,
                arguments: ["-c", "1", "-W", "2", "-M", "do", "-s", "\(size)", "\(to.taskAddress)"],
                networkNamespace: from.task.path))
        return status.code == 0
    }

    /// Whether one is answered, before long.
    private func reaches(_ from: EncryptedWorld.Node, _ to: EncryptedWorld.Node) async throws -> Bool {
        for _ in 0..<5 {
            if try await ping(from, to) { return true }
        }
        return false
    }

    @Test func `D5: tasks reach each other, with full frames, and only ESP is on the wire`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let sniffer = try await Sniffer(in: b.namespace)
            #expect(try await reaches(a, b))
            #expect(try await ping(b, a, size: 1408 - 28))
            #expect(try await !ping(a, b, size: 1408 - 27), "longer than the overlay's MTU")
            let stream = try await CheckedStream.start(from: a.task, to: b.task, at: b.taskAddress, most: 2 << 20)
            try await eventually(within: .seconds(30), "the stream is there") { stream.isDone }
            #expect(stream.received == 2 << 20 && !stream.isWrong && stream.failure == nil)
            sniffer.stop()
            let datagrams = sniffer.datagrams
            #expect(datagrams.count > 10 && datagrams.allSatisfy { $0.port == 4790 })
            #expect(sniffer.others.isEmpty)
            let spis = Set(datagrams.map { Array($0.payload.prefix(4)) })
            #expect(spis == [[0x80, 0, 0x08, 1], [0x80, 0, 0x10, 1]])
            // What ping sends is not to be seen.
            let text: [UInt8] = [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a]
            #expect(!datagrams.contains { $0.payload.firstRange(of: text) != nil })
            let sent = try await a.client.report()
            let came = try await b.client.report()
            let out = try #require(sent.networks[EncryptedWorld.vni])
            let into = try #require(came.networks[EncryptedWorld.vni])
            #expect(out.segments > out.framesOut, "super-frames were cut: \(out)")
            #expect(into.merged > 0, "frames were joined: \(into)")
            #expect(out.neighboursAnswered > 0 && out.malformed == 0 && into.strangers == 0)
            #expect(
                sent.lanes.first?.sendErrors == 0 && came.lanes.first?.badChecksums == 0, "\(sent.lanes) \(came.lanes)")
        }
    }

    @Test func `whoever asks for counters is answered, however the threads' answers fall together`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let client = world.nodes[0].client
            let answered = try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<1_000 { _ = try await withDeadline(.seconds(30)) { try await client.report() } }
                        return 1_000
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(answered == 4_000)
        }
    }

    @Test func `UDP passes in both directions`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let socket = try await b.task.run { () throws -> CInt in
                let socket = try check(Glibc.socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0), "socket")
                try check(
                    InternetSocketAddress(IPAddress(0, 0, 0, 0), port: 9000).withPointer { bind(socket, $0, $1) },
                    "bind")
                return socket
            }
            defer { close(socket) }
            for length in [1, 100, 1380, 5000] {
                let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                try await sendDatagram(payload, from: a.task, to: b.taskAddress, port: 9000)
                let received = try await eventually("\(length) bytes") { () -> [UInt8]? in
                    var bytes = [UInt8](repeating: 0, count: 9000)
                    let count = recv(socket, &bytes, bytes.count, CInt(MSG_DONTWAIT))
                    return count > 0 ? Array(bytes.prefix(count)) : nil
                }
                #expect(received == payload)
            }
        }
    }

    @Test func `without keys nothing is sent and nothing accepted`() async throws {
        try await withEncryptedWorld { world, _ in
            let (a, b) = (world.nodes[0], world.nodes[1])
            for node in world.nodes {
                let page = try await node.client.status.wait { $0.hello?.page }
                var state = try world.state(node, page: page, epochs: [1])
                // One may send and the other does not listen; the other has no key to send with.
                state.associations = state.associations.filter {
                    node.number == 1 && $0.key.direction == .outbound
                }
                try await node.client.settle(node.client.replace(with: state))
                try await world.attach(node)
            }
            let sniffer = try await Sniffer(in: b.namespace)
            #expect(try await !ping(b, a))
            #expect(sniffer.datagrams.isEmpty && sniffer.others.isEmpty)
            #expect(try await !ping(a, b))
            #expect(!sniffer.datagrams.isEmpty)
            sniffer.stop()
            let silent = try await b.client.report()
            #expect(try #require(silent.networks[EncryptedWorld.vni]).noAssociation > 0)
            #expect(try #require(silent.networks[EncryptedWorld.vni]).framesIn == 0)
            #expect(try #require(silent.lanes.first).unknownSPI > 0)
        }
    }

    @Test func `a key of a lost page is refused`() async throws {
        try await withEncryptedWorld { world, _ in
            let a = world.nodes[0]
            let page = try await a.client.status.wait { $0.hello?.page }
            let state = try world.state(a, page: CounterPageID(page.rawValue &+ 1), epochs: [1])
            let faults = try await a.client.settle(a.client.replace(with: state))
            #expect(faults.map(\.code) == [.counterPageLost])
            let mended = try world.state(a, page: page, epochs: [1])
            #expect(try await a.client.settle(a.client.replace(with: mended)).isEmpty)
        }
    }

    @Test func `replayed, forged and clear packets are dropped`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let wire = try await Sniffer(in: b.namespace)
            #expect(try await reaches(a, b))
            let isGenuine = { (payload: [UInt8]) in payload.prefix(4) == [0x80, 0, 0x08, 1] }
            try await eventually(within: .seconds(10), "one is seen") {
                wire.datagrams.contains { isGenuine($0.payload) }
            }
            wire.stop()
            let genuine = try #require(wire.datagrams.first { isGenuine($0.payload) }).payload
            let before = try await b.client.report()
            let inside = try await Sniffer(in: b.task)
            var forged = genuine
            forged[40] ^= 1
            // Further on than anything that came.
            forged[6] = 0x10
            for packet in [genuine, forged, Array(genuine.prefix(70)), [0xff], [0, 0, 0, 0, 1, 2, 3, 4]] {
                try await sendDatagram(packet, from: a.namespace, to: b.address, port: 4790)
            }
            // VXLAN in clear, with a broadcast for all tasks.
            let clear: [UInt8] =
                [8, 0, 0, 0, 0, 0x10, 1, 0] + [UInt8](repeating: 0xff, count: 12) + [0x88, 0xb5, 1, 2]
            for port in [UInt16(4789), 4790] {
                try await sendDatagram(
                    clear + [UInt8](repeating: 0, count: 50), from: a.namespace, to: b.address, port: port)
            }
            let id = AssociationID(.inbound, peer: a.id, spi: EncryptedWorld.spi(a, epoch: 1))
            let report = try await eventually("all were looked at") { () -> EncryptionReport? in
                let report = try await b.client.report()
                return report.lanes.first.map { $0.datagrams >= (before.lanes.first?.datagrams ?? 0) + 6 } == true
                    ? report : nil
            }
            let counters = try #require(report.associations[id])
            // What is cut has a number that has been there, too, which is looked at first.
            #expect(counters.replayed == 2 && counters.badICV == 1, "\(counters)")
            let vni = EncryptedWorld.vni
            #expect(report.networks[vni]?.framesIn == before.networks[vni]?.framesIn, "nothing came in")
            #expect(report.networks[vni]?.strangers == 0)
            #expect(report.moved.isEmpty, "an unknown sender moves nobody")
            #expect(inside.seen.isEmpty)
            inside.stop()
            #expect(try await reaches(a, b))
        }
    }

    /// Takes both nodes from the keys of an epoch to those of the next: all receive with the next first, then all send with it, and the one before goes.
    private func roll(_ world: EncryptedWorld, from epoch: UInt64) async throws {
        for (epochs, isLast) in [([epoch, epoch + 1], false), ([epoch + 1], true)] {
            for node in world.nodes {
                let page = try #require(node.client.status.value.hello?.page)
                var state = try world.state(node, page: page, epochs: epochs)
                if !isLast {
                    for id in state.associations.keys
                    where id.direction == .outbound && id.spi & 0xff == (epoch + 1) & 0xff {
                        state.associations[id] = nil
                    }
                } else {
                    // The other may still send with the one before.
                    let old = try world.state(node, page: page, epochs: [epoch])
                    for (id, association) in old.associations where id.direction == .inbound {
                        state.associations[id] = association
                    }
                }
                try await node.client.settle(node.client.replace(with: state))
            }
        }
    }

    @Test func `keys are rolled under a stream`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let stream = try await CheckedStream.start(from: a.task, to: b.task, at: b.taskAddress)
            for epoch in UInt64(1)...3 {
                let reached = stream.received
                try await eventually(within: .seconds(20), "it flows") { stream.received > reached + 1 << 20 }
                try await roll(world, from: epoch)
            }
            let reached = stream.received
            try await eventually(within: .seconds(20), "it flows") { stream.received > reached + 1 << 20 }
            stream.stop()
            try await eventually(within: .seconds(20), "it ends") { stream.isDone }
            #expect(!stream.isWrong && stream.failure == nil)
            #expect(try await a.client.report().associations.keys.contains { $0.spi & 0xff == 4 })
            let reports = try await b.client.report()
            #expect(reports.associations.values.allSatisfy { $0.badICV == 0 && $0.replayed == 0 })
        }
    }

    @Test func `of numbered datagrams not one is lost while keys are rolled`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            // What waits while the machine does something else has room: it is keys that are looked at.
            try await ip(a.overlay, "link set esp0 txqueuelen 10000")
            #expect(try await reaches(a, b))
            let datagrams = try await NumberedDatagrams.start(from: a.task, to: b.task, at: b.taskAddress)
            defer {
                datagrams.stop()
                datagrams.close()
            }
            for epoch in UInt64(1)...3 {
                let reached = datagrams.came
                try await eventually(within: .seconds(20), "they come") { datagrams.came > reached + 500 }
                try await roll(world, from: epoch)
            }
            let reached = datagrams.came
            try await eventually(within: .seconds(20), "they come with the last key") {
                datagrams.came > reached + 500
            }
            datagrams.stop()
            try await eventually("the sender ends") { datagrams.isSenderDone }
            try await eventually(within: .seconds(10), "all have come") { datagrams.came == datagrams.sent }
            #expect(datagrams.repeated == 0 && datagrams.failure == nil)
            #expect(try await a.client.report().associations.keys.contains { $0.spi & 0xff == 4 })
        }
    }

    @Test func `D5: a peer is found where its packets come from`() async throws {
        try await withEncryptedWorld { world, _ in
            let (a, b) = (world.nodes[0], world.nodes[1])
            for node in world.nodes {
                let page = try await node.client.status.wait { $0.hello?.page }
                var state = try world.state(node, page: page, epochs: [1])
                // As behind a NAT: the other knows another port.
                if node.id == a.id { state.underlay = EncryptionUnderlay(address: a.address, port: 5000) }
                try await node.client.settle(node.client.replace(with: state))
                try await world.attach(node)
            }
            #expect(try await reaches(a, b))
            let moved = try await b.client.report().moved
            #expect(moved == [a.id: EncryptionEndpoint(address: a.address, port: 5000)])
        }
    }

    @Test func `who is no member of a network says nothing in it`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            #expect(try await reaches(a, b))
            try await b.client.settle(b.client.apply([.removeMember(vni: EncryptedWorld.vni, a.id)]))
            #expect(try await !ping(a, b))
            #expect(try #require(try await b.client.report().networks[EncryptedWorld.vni]).strangers > 0)
            try await b.client.settle(b.client.apply([.member(vni: EncryptedWorld.vni, a.id)]))
            #expect(try await reaches(a, b))
        }
    }

    @Test func `a device is made anew when it was deleted, and gone when its network is`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            #expect(try await reaches(a, b))
            try await ip(b.overlay, "link del esp0")
            try await eventually("it is there again") {
                try await ip(b.overlay, "link show esp0"); return true
            }
            try await world.attach(b)
            try await eventually("frames pass") { try await ping(a, b) }
            try await b.client.settle(b.client.apply([.removeNetwork(vni: EncryptedWorld.vni)]))
            try await eventually("it is gone") {
                do { try await ip(b.overlay, "link show esp0") } catch { return true }
                return false
            }
        }
    }

    @Test func `a process that ends is followed by one that goes on`() async throws {
        try await withEncryptedWorld { world, engines in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            #expect(try await reaches(a, b))
            let page = a.client.status.value.hello?.page
            let id = AssociationID(.outbound, peer: b.id, spi: EncryptedWorld.spi(a, epoch: 1))
            let sequence = try #require(try await a.client.report().associations[id]).sequence
            try await engines[0].end()
            try await a.client.status.wait { $0.hello == nil ? true : nil }
            let next = try await InnerEngine(a)
            try await world.isTold(a)
            #expect(a.client.status.value.hello?.page == page && a.client.status.value.faults.isEmpty)
            #expect(try await reaches(a, b))
            let after = try #require(try await a.client.report().associations[id]).sequence
            #expect(after > sequence)
            try await next.end()
        }
    }

    @Test func `a daemon that is gone stops nothing, and its successor changes nothing`() async throws {
        try await withEncryptedWorld { world, _ in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let other = EncryptionEngineClient(socket: b.socket)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await other.run() }
                defer { group.cancelAll() }
                let page = try await other.status.wait { $0.hello?.page }
                let before = try await b.client.report()
                let same = other.replace(with: try world.state(b, page: page, epochs: [1]))
                #expect(try await other.settle(same).isEmpty)
                #expect(try await reaches(a, b))
                #expect(try await b.client.report().associations.keys == before.associations.keys)
            }
            #expect(try await reaches(a, b))
        }
    }

    @Test func `a process that is killed under a stream is followed by one that keeps the connection`() async throws {
        try await withEncryptedWorld(engine: { try ProgramEngine($0) }) { world, engines in
            try await world.begin()
            let (a, b) = (world.nodes[0], world.nodes[1])
            let stream = try await CheckedStream.start(from: a.task, to: b.task, at: b.taskAddress)
            let ids = [
                AssociationID(.outbound, peer: b.id, spi: EncryptedWorld.spi(a, epoch: 1)),
                AssociationID(.inbound, peer: b.id, spi: EncryptedWorld.spi(b, epoch: 1)),
            ]
            for _ in 0..<3 {
                let reached = stream.received
                try await eventually(within: .seconds(30), "it flows") { stream.received > reached + 1 << 19 }
                for (engine, node) in zip(engines, world.nodes) {
                    let before = try await a.client.report().associations
                    try await (engine as? ProgramEngine)?.kill()
                    try await node.client.status.wait { $0.hello == nil ? true : nil }
                    try (engine as? ProgramEngine)?.start()
                    try await world.isTold(node)
                    let after = try await a.client.report().associations
                    for id in ids { #expect((after[id]?.sequence ?? 0) >= (before[id]?.sequence ?? .max)) }
                }
            }
            let reached = stream.received
            try await eventually(within: .seconds(30), "it flows") { stream.received > reached + 1 << 19 }
            stream.stop()
            try await eventually(within: .seconds(30), "it ends") { stream.isDone }
            #expect(!stream.isWrong && stream.failure == nil)
        }
    }
}
