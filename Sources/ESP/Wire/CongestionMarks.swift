/// Explicit congestion notification through the tunnel (RFC 6040): the outer header shows what the inner one has, and a mark that the outer one gets is handed on.
enum CongestionMarks {
    static let notCapable = 0
    static let capable1 = 1
    static let capable0 = 2
    static let experienced = 3

    /// The mark of a frame's IP header; ``notCapable`` where it has none.
    @inline(__always) static func inner(_ frame: PacketBytes, _ count: Int) -> Int {
        guard count >= ESPLayout.ethernet + 20 else { return notCapable }
        let type = frame.short(12)
        if type == ESPLayout.ipv4 { return frame.octet(15) & 3 }
        return type == ESPLayout.ipv6 ? frame.short(14) >> 4 & 3 : notCapable
    }

    /// Combines the outer mark into the frame (section 4.2, figure 4). False where it has to be dropped: congestion was met, and the inner
    /// header cannot say so.
    @inline(__always) static func admit(_ frame: PacketBytes, _ count: Int, outer: Int) -> Bool {
        if outer == notCapable || outer == capable0 { return true }
        guard count >= ESPLayout.ethernet + 20 else { return true }
        let type = frame.short(12)
        guard type == ESPLayout.ipv4 || type == ESPLayout.ipv6 else { return true }
        let mark = inner(frame, count)
        if outer == experienced {
            if mark == notCapable { return false }
        } else if mark != capable0 {
            return true
        }
        if mark == outer { return true }
        if type == ESPLayout.ipv6 {
            frame.putShort(14, frame.short(14) & ~0x30 | outer << 4)
            return true
        }
        let header = (frame.octet(14) & 15) * 4
        guard header >= 20, count >= ESPLayout.ethernet + header else { return true }
        frame.putOctet(15, frame.octet(15) & ~3 | outer)
        InternetChecksum.putHeader(frame + ESPLayout.ethernet, length: header)
        return true
    }
}
