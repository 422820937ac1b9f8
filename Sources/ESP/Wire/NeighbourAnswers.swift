/// Answers to who asks for a remote endpoint's Ethernet address, made of the question: ARP (RFC 826) and neighbour discovery (RFC 4861).
enum NeighbourAnswers {
    /// Of the longest answer: Ethernet, IPv6, neighbour advertisement with one option.
    static let longest = 14 + 40 + 32

    /// An IP address that is asked for; `version` 4 or 6, addresses of four octets in the upper half of `high`'s.
    struct Question: Hashable {
        let version: Int
        let high: UInt64
        let low: UInt64
    }

    /// What a broadcast or multicast frame asks for; `nil` when it is no question.
    static func question(_ frame: PacketBytes, _ count: Int) -> Question? {
        guard count >= 42 else { return nil }
        switch frame.short(12) {
        case ESPLayout.arp:
            // Ethernet, IPv4, request.
            guard frame.word(14) == 0x0001_0800, frame.word(18) == 0x0604_0001 else { return nil }
            let sender = frame.word(28)
            let target = frame.word(38)
            // Neither a probe nor an announcement (RFC 5227).
            guard sender != 0, sender != target else { return nil }
            return Question(version: 4, high: UInt64(truncatingIfNeeded: target) << 32, low: 0)
        case ESPLayout.ipv6:
            // One solicitation without extension headers, from a neighbour that has an address.
            guard count >= 78, frame.octet(14) >> 4 == 6, frame.octet(20) == ESPLayout.icmpv6, frame.octet(21) == 255,
                frame.short(54) == 135 << 8, frame.short(18) >= 24, count >= 54 + frame.short(18)
            else { return nil }
            guard frame.long(22) != 0 || frame.long(30) != 0 else { return nil }
            return Question(version: 6, high: frame.long(62), low: frame.long(70))
        default: return nil
        }
    }

    /// Writes the answer of the endpoint with that Ethernet address; returns its length. `answer` has room for ``longest`` bytes.
    static func write(_ answer: PacketBytes, to frame: PacketBytes, question: Question, from mac: UInt64) -> Int {
        answer.copyMemory(from: frame + 6, byteCount: 6)
        putAddress(answer, 6, mac)
        if question.version == 4 {
            answer.putShort(12, ESPLayout.arp)
            answer.putWord(14, 0x0001_0800)
            answer.putWord(18, 0x0604_0002)
            putAddress(answer, 22, mac)
            answer.putWord(28, UInt32(truncatingIfNeeded: question.high >> 32))
            (answer + 32).copyMemory(from: frame + 22, byteCount: 10)
            return 42
        }
        answer.putShort(12, ESPLayout.ipv6)
        answer.putWord(14, 0x6000_0000)
        answer.putShort(18, 32)
        answer.putOctet(20, ESPLayout.icmpv6)
        answer.putOctet(21, 255)
        answer.putLong(22, question.high)
        answer.putLong(30, question.low)
        (answer + 38).copyMemory(from: frame + 22, byteCount: 16)
        // Advertisement, solicited and overriding, with the target's link-layer address.
        answer.putWord(54, 136 << 24)
        answer.putWord(58, 0x6000_0000)
        answer.putLong(62, question.high)
        answer.putLong(70, question.low)
        answer.putShort(78, 0x0201)
        putAddress(answer, 80, mac)
        let pseudo = InternetChecksum.pseudo(ip: answer + 14, isV6: true, protocol: ESPLayout.icmpv6, length: 32)
        answer.putRawShort(56, ~InternetChecksum.fold(InternetChecksum.sum(answer + 54, 32, pseudo)))
        return longest
    }

    private static func putAddress(_ bytes: PacketBytes, _ at: Int, _ mac: UInt64) {
        bytes.putShort(at, Int(truncatingIfNeeded: mac >> 32))
        bytes.putWord(at + 2, UInt32(truncatingIfNeeded: mac))
    }
}
