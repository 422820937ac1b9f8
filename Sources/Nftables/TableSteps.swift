import Addressing
package import Netlink

/// A step from one state of a table to another, in the order in which they are made.
package enum TableStep: Equatable, Sendable {
    case remove(TableID, set: String, ElementLayout, keys: [String])
    case add(TableID, set: String, ElementLayout, [String: String])
    /// The chain of so many.
    case chain(TableID, String, count: Int, Balancing)
}

extension RulesetChanges {
    /// Steps in the kernel's own terms; `nil` where one cannot be said so.
    package init?(_ steps: [TableStep]) {
        self.init()
        for step in steps {
            switch step {
            case .remove(let table, let set, let layout, let keys):
                let elements = keys.compactMap { layout.encode(key: $0).map { RulesetElement(key: $0) } }
                guard elements.count == keys.count else { return nil }
                delete(elements, from: set, of: table.inKernel)
            case .add(let table, let set, let layout, let values):
                var elements: [RulesetElement] = []
                for (key, value) in values {
                    guard let key = layout.encode(key: key), let value = layout.encode(value: value) else { return nil }
                    switch value {
                    case .none: elements.append(RulesetElement(key: key))
                    case .data(let bytes): elements.append(RulesetElement(key: key, value: .data(bytes)))
                    case .chain(let name): elements.append(RulesetElement(key: key, value: .goto(name)))
                    }
                }
                add(elements, to: set, of: table.inKernel)
            case .chain(let table, let name, let count, let balancing):
                guard let rules = balancing.rules(of: count) else { return nil }
                addChain(name, of: table.inKernel, rules: rules)
            }
        }
    }
}

/// A part of a key or value, as nft writes it and as the kernel compares it.
package enum ElementField: Equatable, Sendable {
    /// An IPv4 address.
    case address
    /// An IPv6 address, as RFC 5952 writes it.
    case address6
    /// An IPv6 address where nft has only a number for it, see ``NumberText``.
    case addressNumber6
    case hardwareAddress
    /// A link's name in quotes.
    case interface
    /// `tcp`, `udp`, `sctp`.
    case transport
    case port
    /// A number that is not sent: a mark, a turn.
    case number
    /// A class of traffic control, as packets' priorities are written.
    case priority

    /// `nil` for what is not written so.
    fileprivate func encode(_ text: Substring) -> [UInt8]? {
        switch self {
        case .address:
            let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0, radix: 10) }
            let bytes = parts.compactMap { $0 }
            return parts.count == 4 && bytes.count == 4 ? bytes : nil
        case .address6: return IPv6Address(text)?.octets
        case .addressNumber6: return NumberText.octets(text)
        case .hardwareAddress:
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt8($0, radix: 16) }
            let bytes = parts.compactMap { $0 }
            return parts.count == 6 && bytes.count == 6 ? bytes : nil
        case .interface:
            let name = Array(text.utf8)
            guard name.count > 2, name.count < 18, name.first == UInt8(ascii: "\""), name.last == UInt8(ascii: "\"")
            else { return nil }
            return name.dropFirst().dropLast() + [UInt8](repeating: 0, count: 18 - name.count)
        case .transport:
            switch text {
            case "tcp": return [6]
            case "udp": return [17]
            case "sctp": return [132]
            default: return nil
            }
        case .port: return UInt16(text, radix: 10).map { number in withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        case .number: return UInt32(text, radix: 10).map { number in withUnsafeBytes(of: number) { Array($0) } }
        case .priority:
            if text == "none" { return [0, 0, 0, 0] }
            guard text.hasPrefix("0:") else { return nil }
            return UInt32(text.dropFirst(2), radix: 16).map { number in withUnsafeBytes(of: number) { Array($0) } }
        }
    }

    /// Several are written with dots between them; each is padded to four bytes then.
    fileprivate static func encode(_ text: String, _ fields: [ElementField]) -> [UInt8]? {
        if fields.count == 1 { return fields[0].encode(text[...]) }
        let parts = text.split(separator: " . ", omittingEmptySubsequences: false)
        guard parts.count == fields.count else { return nil }
        var bytes: [UInt8] = []
        for (part, field) in zip(parts, fields) {
            guard let encoded = field.encode(part) else { return nil }
            bytes += encoded
            bytes += [UInt8](repeating: 0, count: (4 - encoded.count % 4) % 4)
        }
        return bytes
    }
}

/// What elements of a set or map are put together of.
package struct ElementLayout: Equatable, Sendable {
    /// What stands behind a key.
    package enum Value: Equatable, Sendable {
        case none
        case fields([ElementField])
        /// `goto` and the name of a chain.
        case chain
    }

    /// Of a set or map's element, in the kernel's bytes.
    package enum EncodedValue: Equatable, Sendable {
        case none
        case data([UInt8])
        case chain(String)
    }

    package let key: [ElementField]
    package let value: Value

    package init(_ key: ElementField..., value: Value = .none) { self.init(key, value: value) }

    package init(_ key: [ElementField], value: Value = .none) {
        self.key = key
        self.value = value
    }

    /// The kernel's bytes of a key as nft writes it; `nil` for what is not written so.
    package func encode(key text: String) -> [UInt8]? { ElementField.encode(text, key) }

    /// The same for what stands behind a key.
    package func encode(value text: String) -> EncodedValue? {
        switch value {
        case .none: text.isEmpty ? EncodedValue.none : nil
        case .fields(let fields): ElementField.encode(text, fields).map { .data($0) }
        case .chain: text.hasPrefix("goto ") ? .chain(String(text.dropFirst(5))) : nil
        }
    }
}

extension TableID {
    private static let families: [(Family, UInt8)] = [
        (.inet, 1), (.ip, 2), (.arp, 3), (.netdev, 5), (.bridge, 7), (.ip6, 10),
    ]

    /// By its number in the kernel, `NFPROTO_…`.
    package var inKernel: RulesetTable {
        RulesetTable(family: Self.families.first { $0.0 == family }?.1 ?? 0, name: name)
    }

    /// `nil`: of a family that nft does not name.
    package init?(_ table: RulesetTable) {
        guard let family = Self.families.first(where: { $0.1 == table.family })?.0 else { return nil }
        self.init(family, table.name)
    }
}
