import Glibc
import TestKit

@testable import ESP

/// A frame of TCP or UDP as a test wants it, with its checksums.
struct PlayedFrame {
    var isV6 = false
    var isTCP = true
    var sourcePort: UInt16 = 4000
    var sequence: UInt32 = 1000
    var acknowledgement: UInt32 = 77
    var flags: UInt8 = 0x10
    var window: UInt16 = 500
    var options: [UInt8] = []
    var identification: UInt16 = 9
    var mayFragment = true
    var trafficClass: UInt8 = 0
    var payload: [UInt8] = []

    var l4: Int { isV6 ? 54 : 34 }
    var headers: Int { l4 + (isTCP ? 20 + options.count : 8) }

    /// With `isOpen` the checksum field has the sum of the pseudo-header alone, as the kernel hands it to a TAP.
    func bytes(isOpen: Bool = false) -> [UInt8] {
        func short(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
        func word(_ value: UInt32) -> [UInt8] { short(Int(value >> 16)) + short(Int(value & 0xffff)) }
        var l4Bytes: [UInt8] = []
        if isTCP {
            l4Bytes += short(Int(sourcePort)) + short(80) + word(sequence) + word(acknowledgement)
            l4Bytes += [UInt8((20 + options.count) / 4) << 4, flags] + short(Int(window)) + [0, 0, 0, 0] + options
        } else {
            l4Bytes += short(Int(sourcePort)) + short(80) + short(8 + payload.count) + [0, 0]
        }
        l4Bytes += payload
        var frame: [UInt8] = [2, 66, 10, 0, 0, 2, 2, 66, 10, 0, 0, 1]
        let number: UInt8 = isTCP ? 6 : 17
        if isV6 {
            frame += [0x86, 0xdd, 0x60 | trafficClass >> 4, trafficClass << 4, 0, 0] + short(l4Bytes.count)
            frame +=
                [number, 64] + [UInt8](repeating: 0xfd, count: 15) + [1] + [UInt8](repeating: 0xfd, count: 15) + [2]
        } else {
            frame += [8, 0, 0x45, trafficClass] + short(20 + l4Bytes.count) + short(Int(identification))
            frame += [mayFragment ? 0 : 0x40, 0, 64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        }
        frame += l4Bytes
        let (isV6, l4, field) = (isV6, l4, l4 + (isTCP ? 16 : 6))
        frame.withUnsafeMutableBytes { frame in
            let start = frame.baseAddress!
            if !isV6 { InternetChecksum.putHeader(start + 14, length: 20) }
            let length = frame.count - l4
            let pseudo = InternetChecksum.pseudo(ip: start + 14, isV6: isV6, protocol: Int(number), length: length)
            if isOpen {
                start.putRawShort(field, InternetChecksum.fold(pseudo))
            } else {
                let sum = ~InternetChecksum.fold(InternetChecksum.sum(start + l4, length, pseudo))
                start.putRawShort(field, sum == 0 && number == 17 ? 0xffff : sum)
            }
        }
        return frame
    }

    /// As a TAP device gives it, to be cut into segments of `size`.
    func superFrame(_ size: Int) -> [UInt8] {
        let kind = isTCP ? (isV6 ? SegmentationKind.tcp6 : SegmentationKind.tcp4) : SegmentationKind.udp
        return vnet(kind: kind, size: size) + bytes(isOpen: true)
    }

    func vnet(kind: Int, size: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: ESPLayout.vnetHeader)
        header.withUnsafeMutableBytes {
            let start = $0.baseAddress!
            start.putOctet(0, 1)
            start.putOctet(1, kind)
            start.putRawShort(2, UInt16(headers))
            start.putRawShort(4, UInt16(size))
            start.putRawShort(6, UInt16(l4))
            start.putRawShort(8, isTCP ? 16 : 6)
        }
        return header
    }
}

/// Keeps the frames that it is given, and harms what is around them as sealing does.
struct FrameCollector: FrameTaker {
    var frames: [[UInt8]] = []

    mutating func take(_ frame: PacketBytes, _ count: Int) {
        frames.append(Array(UnsafeRawBufferPointer(start: frame, count: count)))
        for at in 1...ESPLayout.prefix { frame.putOctet(-at, 0xab) }
    }
}

/// Keeps what is written: `struct virtio_net_hdr` and frame.
struct WriteCollector: FrameWriter {
    var written: [[UInt8]] = []
    var networks: [Int] = []

    mutating func write(_ vectors: UnsafePointer<iovec>, _ count: Int, network: Int, frames: Int) {
        var bytes: [UInt8] = []
        for vector in UnsafeBufferPointer(start: vectors, count: count) {
            bytes += UnsafeRawBufferPointer(start: vector.iov_base, count: vector.iov_len)
        }
        written.append(bytes)
        networks.append(network)
    }
}

enum Played {
    /// Cuts what a device gives, in exactly the room that ``Segmenter`` asks for.
    static func cut(_ given: [UInt8]) -> (Segmenter.Outcome, [[UInt8]]) {
        var room = [UInt8](repeating: 0, count: 64) + given + [UInt8](repeating: 0, count: 16)
        var scratch = [UInt8](repeating: 0, count: Segmenter.longestHeaders)
        var collector = FrameCollector()
        let outcome = room.withUnsafeMutableBytes { room in
            scratch.withUnsafeMutableBytes { scratch in
                Segmenter.cut(
                    room.baseAddress! + 64, count: given.count - ESPLayout.vnetHeader, scratch: scratch.baseAddress!,
                    into: &collector)
            }
        }
        return (outcome, collector.frames)
    }

    /// Joins frames that lie one behind the other, as the socket gives them.
    static func join(_ frames: [[UInt8]], networks: [Int] = []) -> WriteCollector {
        var coalescer = Coalescer()
        var collector = WriteCollector()
        var room = frames.flatMap { [UInt8](repeating: 0, count: ESPLayout.vnetHeader) + $0 }
        room.withUnsafeMutableBytes { room in
            var at = ESPLayout.vnetHeader
            for (index, frame) in frames.enumerated() {
                coalescer.add(
                    room.baseAddress! + at, frame.count, network: networks.isEmpty ? 0 : networks[index],
                    into: &collector)
                at += frame.count + ESPLayout.vnetHeader
            }
            coalescer.flushAll(into: &collector)
        }
        return collector
    }

    /// Whether the checksum of TCP or UDP, and that of IPv4, is right.
    static func isSound(_ frame: [UInt8]) -> Bool {
        var frame = frame
        return frame.withUnsafeMutableBytes { frame in
            let start = frame.baseAddress!
            let isV6 = start.short(12) == ESPLayout.ipv6
            let l4 = isV6 ? 54 : 34
            let number = start.octet(isV6 ? 20 : 23)
            if !isV6 {
                let header = InternetChecksum.sum(start + 14, 20)
                guard InternetChecksum.fold(header) == 0xffff, start.short(16) == frame.count - 14 else { return false }
            } else if start.short(18) != frame.count - 54 {
                return false
            }
            let pseudo = InternetChecksum.pseudo(
                ip: start + 14, isV6: isV6, protocol: number, length: frame.count - l4)
            return InternetChecksum.fold(InternetChecksum.sum(start + l4, frame.count - l4, pseudo)) == 0xffff
        }
    }
}
