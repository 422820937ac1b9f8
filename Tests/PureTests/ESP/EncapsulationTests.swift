import ESPControl
import Testing

@testable import ESP

/// Packets are those that another implementation makes: the vectors are scapy 2.8.0's `SecurityAssociation(ESP, 'AES-GCM', esn_en=True)`, for key
/// 00 01 02…, salt a0a1a2a3, SPI 80000801, source port c123, VNI 4097.
@Suite struct EncapsulationTests {
    struct Vector: Sendable {
        let bits: Int
        let sequence: UInt64
        let frame: String
        let packet: String
    }

    static let vectors = [
        Vector(
            bits: 256, sequence: 0x1, frame: "02420a00000202420a00000188b500070e151c232a31383f",
            packet: """
                80000801000000010000000000000001718caa3b6c5cc6b413daad6a7b7b0c8a4f58935d68621e6fa3d58d5fa64b2794e5eb373d4f8a\
                82e96157e25ab798d55b9dd3ba29f5e5dc8d6f324496
                """),
        Vector(
            bits: 256, sequence: 0x5_0000_0007, frame: "02420a00000202420a00000188b500070e151c232a31383f46",
            packet: """
                800008010000000700000005000000075774bdd67135631d4f9dead327b667452af9d173e9519fec64bd6d22591b4dd8011ff63ae697\
                f0675024f2f89d2dcdf7a8e1d0a817d385931995783b
                """),
        Vector(
            bits: 128, sequence: 0xffff_fffe, frame: "02420a00000202420a00000188b500070e151c232a31383f464d",
            packet: """
                80000801fffffffe00000000fffffffe07a4e7fc53e19481af0abc742870b18f228557f40a30f309894ea3a16532c8ea9fa684724c65\
                5b2d1abf0ebbd0bd583436b4a2ae1b28e0c7799c5c8a
                """),
        Vector(
            bits: 128, sequence: 0x1_0000_0001, frame: "02420a00000202420a00000188b500070e151c232a31383f464d54",
            packet: """
                80000801000000010000000100000001524bc6bed5d25aa2dfef90f6198312a3bb8ff46389fada48c568151da936e20f1f78f3dc8381\
                d55cbb0564026450fea3bc48128ecd2b82637fa910846ecba274
                """),
    ]

    static func bytes(_ hex: String) -> [UInt8] {
        let digits: [Int] = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { (place: Int) -> UInt8 in
            UInt8(digits[place] << 4 | digits[place + 1])
        }
    }

    static func cipher(_ bits: Int, seals: Bool) throws -> PacketCipher {
        let key = try #require(
            AssociationKey(key: (0..<bits / 8).map { UInt8($0) }, salt: [0xa0, 0xa1, 0xa2, 0xa3]))
        return try #require(PacketCipher(key, seals: seals))
    }

    @Test(arguments: vectors) func `a sealed frame is what another implementation makes of it`(_ vector: Vector) throws
    {
        let cipher = try Self.cipher(vector.bits, seals: true)
        defer { cipher.free() }
        let frame = Self.bytes(vector.frame)
        let length = Encapsulation.length(frame.count)
        var room = [UInt8](repeating: 0xee, count: ESPLayout.prefix) + frame + [UInt8](repeating: 0xdd, count: 8)
        var packet = [UInt8](repeating: 0, count: length)
        let isSealed = room.withUnsafeMutableBytes { room in
            packet.withUnsafeMutableBytes { packet in
                Encapsulation.seal(
                    room.start + ESPLayout.prefix, frame.count, vni: 4097, sourcePort: 0xc123,
                    spi: 0x8000_0801, sequence: vector.sequence, cipher: cipher.raw, into: packet.start)
            }
        }
        #expect(isSealed)
        #expect(packet == Self.bytes(vector.packet))
        #expect(room.suffix(8).allSatisfy { $0 == 0xdd }, "what is behind the frame was put back")
    }

    @Test(arguments: vectors) func `what another implementation has sealed is opened`(_ vector: Vector) throws {
        let cipher = try Self.cipher(vector.bits, seals: false)
        defer { cipher.free() }
        var packet = Self.bytes(vector.packet)
        let body = packet.count - ESPLayout.header - ESPLayout.icv
        let contents = packet.withUnsafeMutableBytes { packet in
            let start = packet.start
            return cipher.open(start, count: body, sequence: vector.sequence)
                ? Encapsulation.contents(start + ESPLayout.header, body: body) : nil
        }
        let frame = Self.bytes(vector.frame)
        #expect(contents == Encapsulation.Contents(vni: 4097, length: frame.count))
        #expect(Array(packet.dropFirst(ESPLayout.header + ESPLayout.prefix).prefix(frame.count)) == frame)
    }

    @Test(arguments: vectors) func `one other bit anywhere, or another high half, is found`(_ vector: Vector) throws {
        let cipher = try Self.cipher(vector.bits, seals: false)
        defer { cipher.free() }
        let packet = Self.bytes(vector.packet)
        let body = packet.count - ESPLayout.header - ESPLayout.icv
        func opens(_ packet: [UInt8], _ sequence: UInt64) -> Bool {
            var packet = packet
            return packet.withUnsafeMutableBytes { cipher.open($0.start, count: body, sequence: sequence) }
        }
        for bit in 0..<packet.count * 8 {
            var other = packet
            other[bit / 8] ^= 1 << (bit % 8)
            #expect(!opens(other, vector.sequence))
        }
        #expect(!opens(packet, vector.sequence ^ 1 << 32))
        #expect(opens(packet, vector.sequence))
    }
}
