import CESP
import ESPControl

/// Security associations: which are taken on, and which each peer is sent to with.
extension StateApplier {
    func install(_ association: SecurityAssociation) {
        let id = association.id
        let subject = EncryptionFault.Subject.association(id)
        if let known = installed[id] {
            if known.association.key == association.key, known.association.lane == association.lane,
                known.association.epoch == association.epoch
            {
                // Only whether it sends may be another.
                installed[id] = Installed(association: association, place: known.place)
                if id.direction == .outbound { choose(id.peer) }
                return
            }
            uninstall(id)
        }
        for code in EncryptionFault.Code.allCases { clear(code, subject) }
        guard id.spi >= ESPLayout.leastSPI, Int(truncatingIfNeeded: association.lane) < lanes.count else {
            return set(.associationInvalid, subject)
        }
        if id.direction == .outbound, association.page != pages.id { return set(.counterPageLost, subject) }
        if id.direction == .inbound, inbound[id.spi] != nil { return set(.spiTaken, subject) }
        do throws(CounterPages.PageError) {
            let place = try pages.place(association.key, id.direction, epoch: association.epoch)
            installed[id] = Installed(association: association, place: place)
            if id.direction == .outbound { candidates[id.peer, default: []].insert(id) }
        } catch {
            switch error {
            case .epochTooOld: set(.epochTooOld, subject)
            case .noRoom(let errno): set(.noMemory, subject, errno: errno)
            }
            return
        }
        if id.direction == .outbound { choose(id.peer) } else { listen(id) }
    }

    func remove(_ id: AssociationID) {
        uninstall(id)
        for code in EncryptionFault.Code.allCases { clear(code, .association(id)) }
        // Another may have waited for the SPI.
        let waiting = faults.keys.compactMap { key -> AssociationID? in
            guard key.code == .spiTaken, case .association(let other) = key.subject, other.spi == id.spi else {
                return nil
            }
            return other
        }
        if let other = waiting.min(by: { $0.peer < $1.peer }), let association = state.associations[other] {
            install(association)
        }
    }

    private func uninstall(_ id: AssociationID) {
        guard let known = installed.removeValue(forKey: id) else { return }
        if id.direction == .outbound {
            candidates[id.peer]?.remove(id)
            if candidates[id.peer]?.isEmpty == true { candidates[id.peer] = nil }
            choose(id.peer)
        } else {
            inbound[id.spi] = nil
            lanes[Int(truncatingIfNeeded: known.association.lane)].receiver.post(.removeAssociation(spi: id.spi))
        }
        pages.retire(known.place)
    }

    private func listen(_ id: AssociationID) {
        guard let known = installed[id] else { return }
        guard let cipher = PacketCipher(known.association.key, seals: false) else {
            installed[id] = nil
            return set(.noMemory, .association(id))
        }
        inbound[id.spi] = id
        lanes[Int(truncatingIfNeeded: known.association.lane)].receiver.post(
            .association(InboundKey(spi: id.spi, peer: number(id.peer), cipher: cipher, place: known.place)))
    }

    /// Has each lane send to the peer with its own association of the highest epoch, or else with lane 0's.
    func choose(_ peer: EncryptionPeerID) {
        for lane in lanes {
            let best = best(peer, lane: lane.number) ?? best(peer, lane: 0)
            let before = chosen[lane.number][peer]
            if best?.association.id == before?.id, best?.association.key == before?.key { continue }
            guard let best, state.peers[peer] != nil else {
                chosen[lane.number][peer] = nil
                if before != nil { lane.sender.post(.key(peer: number(peer), nil)) }
                continue
            }
            guard let cipher = PacketCipher(best.association.key, seals: true) else {
                set(.noMemory, .association(best.association.id))
                continue
            }
            chosen[lane.number][peer] = best.association
            let keyLane = Int(truncatingIfNeeded: best.association.lane)
            lane.sender.post(
                .key(
                    peer: number(peer),
                    OutboundKey(
                        spi: best.association.id.spi, lane: keyLane, endpoint: endpoint(peer, lane: keyLane),
                        cipher: cipher, place: best.place)))
        }
    }

    private func best(_ peer: EncryptionPeerID, lane: Int) -> Installed? {
        candidates[peer, default: []].lazy.compactMap { self.installed[$0] }
            .filter { $0.association.sends && Int(truncatingIfNeeded: $0.association.lane) == lane }
            .max { $0.association.epoch < $1.association.epoch }
    }
}

/// What threads have told.
extension StateApplier {
    /// Returns what operators are to know.
    func take(_ event: LaneEvent) -> EncryptionNotice? {
        switch event {
        case .deviceGone(let network):
            guard let vni = networkNumbers.first(where: { $0.value == network })?.key else { return nil }
            set(.deviceGone, .network(vni: vni))
        case .moved(let peer, let lane, let place):
            let id = peerIDs[peer]
            guard state.peers[id] != nil else { return nil }
            moved[id, default: [:]][lane] = place
            return EncryptionNotice(.peerMoved, .peer(id), count: 1)
        case .pathTooNarrow(let peer): set(.pathTooNarrow, .peer(peerIDs[peer]))
        case .noSegmentation(let peer): set(.noSegmentation, .peer(peerIDs[peer]))
        case .sequenceExhausted(let peer):
            let id = peerIDs[peer]
            for lane in lanes {
                if let association = chosen[lane.number][id] { set(.sequenceExhausted, .association(association.id)) }
            }
        case .badICV(let spi, let count):
            if let id = inbound[spi] { return EncryptionNotice(.badICV, .association(id), count: count) }
        case .unknownSPI(let count): return EncryptionNotice(.unknownSPI, .underlay, count: count)
        case .onlyReplays(let spi, let holds):
            guard let id = inbound[spi] else { return nil }
            if holds { set(.onlyReplays, .association(id)) } else { clear(.onlyReplays, .association(id)) }
        }
        return nil
    }

    /// Puts the lanes' counters together, with what the state calls things.
    func report(_ snapshots: [LaneSnapshot]) -> EncryptionReport {
        var report = EncryptionReport()
        report.version = version
        report.faults = faultList
        let names = Dictionary(networkNumbers.map { ($0.value, $0.key) }) { $1 }
        for vni in networkNumbers.keys { report.networks[vni] = EncryptedNetworkCounters() }
        report.lanes = Array(repeating: EncryptionLaneCounters(), count: lanes.count)
        for snapshot in snapshots {
            if report.lanes.indices.contains(snapshot.number) { report.lanes[snapshot.number].add(snapshot.lane) }
            for (number, counters) in snapshot.networks {
                if let vni = names[number] { report.networks[vni, default: .init()].add(counters) }
            }
            for outbound in snapshot.outbound {
                let id = AssociationID(.outbound, peer: peerIDs[outbound.peer], spi: outbound.spi)
                report.associations[id, default: .init()].add(outbound.counters, highest: \.sequence)
            }
            for (spi, counters) in snapshot.inbound {
                if let id = inbound[spi] { report.associations[id, default: .init()].add(counters) }
            }
        }
        for (id, known) in installed where report.associations[id] == nil {
            var counters = AssociationCounters()
            counters.sequence = cesp_load(known.place.number)
            report.associations[id] = counters
        }
        for (peer, places) in moved { if let place = places[0]?.value { report.moved[peer] = place } }
        return report
    }
}

extension CounterSet {
    /// - Parameter highest: of this field the higher value counts: it is the same thing, looked at twice.
    mutating func add(_ other: Self, highest: WritableKeyPath<Self, UInt64>? = nil) {
        for field in Self.fields {
            if field.path == highest {
                self[keyPath: field.path] = max(self[keyPath: field.path], other[keyPath: field.path])
            } else {
                self[keyPath: field.path] &+= other[keyPath: field.path]
            }
        }
    }
}
