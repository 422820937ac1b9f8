import Crypto
import Foundation
import Model
import SwiftASN1
import X509

extension Certificate {
    /// The serial number in hexadecimal, as it is stored and told.
    var serialText: String {
        serialNumber.bytes.map { String($0, radix: 16) }.map { $0.count == 1 ? "0\($0)" : $0 }.joined()
    }

    var record: CertificateRecord {
        let end = Int64(exactly: notValidAfter.timeIntervalSince1970.rounded(.up)) ?? 0
        return CertificateRecord(serial: serialText, until: Timestamp(seconds: end))
    }
}

extension Node {
    /// How many certificates of a manager are remembered of one node. Beyond it the oldest is revoked.
    static let maximumIssued = 64

    /// The certificates of a manager that the node may still show.
    var managerCertificates: [CertificateRecord] {
        var records = membership?.issued ?? []
        // Of a node from before certificates were written down, the last is known.
        if let pem = membership?.certificate, let last = try? Certificate.bundle(pem: pem).first,  // Unreadable: none.
            (try? Member(of: last))?.role == .manager, !records.contains(last.record)
        {
            records.append(last.record)
        }
        return records
    }
}

extension Node.Membership {
    /// Remembers a certificate that the node gets. Those of workers open nothing that a worker may not have, and are not remembered.
    mutating func note(_ certificate: Certificate, pem: String, at now: Timestamp = .now) {
        self.certificate = pem
        // What is none of ours counts for nothing.
        guard (try? Member(of: certificate))?.role == .manager else { return }
        issued = (issued ?? []).filter { $0.until > now } + [certificate.record]
    }
}

extension ClusterObject {
    /// Takes certificates out of force, and forgets those of which the time is over.
    mutating func revoke(_ records: [CertificateRecord], at now: Timestamp = .now) {
        let known = (revoked ?? []).filter { $0.until > now }
        revoked = known + Set(records).subtracting(known).filter { $0.until > now }.sorted { $0.serial < $1.serial }
    }
}

/// The revocation list that this node's member of the store consults at each handshake (etcd, `--peer-crl-file`).
///
/// etcd compares serial numbers and asks nothing else of the list: it is this node's own word to its own process, signed by the node.
enum RevocationList {
    private static let ecdsaWithSHA256: ASN1ObjectIdentifier = [1, 2, 840, 10_045, 4, 3, 2]

    /// RFC 5280, section 5.1: `TBSCertList`.
    private struct Contents: DERSerializable {
        let issuer: DistinguishedName
        let timestamp: UTCTime
        let serials: [ArraySlice<UInt8>]

        func serialize(into coder: inout DER.Serializer) throws {
            try coder.appendConstructedNode(identifier: .sequence) { coder in
                // Version 2.
                try coder.serialize(1)
                try coder.serialize(Algorithm())
                try coder.serialize(issuer)
                try coder.serialize(timestamp)
                guard !serials.isEmpty else { return }
                try coder.appendConstructedNode(identifier: .sequence) { coder in
                    for serial in serials {
                        try coder.appendConstructedNode(identifier: .sequence) { coder in
                            try coder.serialize(serial)
                            try coder.serialize(timestamp)
                        }
                    }
                }
            }
        }
    }

    private struct Algorithm: DERSerializable {
        func serialize(into coder: inout DER.Serializer) throws {
            try coder.appendConstructedNode(identifier: .sequence) { try $0.serialize(RevocationList.ecdsaWithSHA256) }
        }
    }

    /// - Parameter serials: In hexadecimal; what is none is passed over.
    static func der(_ serials: Set<String>, by key: NodeKey, at now: Date = Date()) throws -> [UInt8] {
        let parts = Calendar.utc.dateComponents([.year, .month, .day, .hour, .minute, .second], from: now)
        let contents = Contents(
            issuer: try DistinguishedName { CommonName("node") },
            timestamp: try UTCTime(
                year: parts.year ?? 2000, month: parts.month ?? 1, day: parts.day ?? 1, hours: parts.hour ?? 0,
                minutes: parts.minute ?? 0, seconds: parts.second ?? 0),
            serials: serials.sorted().compactMap { bytes(of: $0) })
        var signed = DER.Serializer()
        try signed.serialize(contents)
        let signature = try P256.Signing.PrivateKey(pemRepresentation: key.pem)
            .signature(for: signed.serializedBytes).derRepresentation
        var list = DER.Serializer()
        try list.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(contents)
            try coder.serialize(Algorithm())
            try coder.serialize(ASN1BitString(bytes: Array(signature)[...]))
        }
        return list.serializedBytes
    }

    /// Whether a text can be a serial number: RFC 5280 allows 20 octets.
    static func isSerial(_ text: String) -> Bool { bytes(of: text) != nil }

    private static func bytes(of text: String) -> ArraySlice<UInt8>? {
        let digits = Array(text.utf8)
        guard (2...42).contains(digits.count), digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            let pair = String(decoding: digits.dropFirst(start).prefix(2), as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16), pair.first != "+" else { return nil }
            bytes.append(byte)
        }
        return bytes[...]
    }
}

extension Calendar {
    fileprivate static let utc: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()
}
