package import Addressing

/// The names of some networks as one value.
package struct NameTable: NameSource, Equatable {
    /// A network that the sandbox is in, and what can be asked for there.
    package struct Network: Sendable, Equatable {
        /// The network's own name: `web.my-net` means `web` on `my-net`.
        package var name: String
        /// Container names, ids (12 digits and whole), aliases, service names (→ the virtual address),
        /// `tasks.<service>` and `tasks.<alias>` (→ the tasks' addresses). Names are looked up without regard to case.
        /// A name without addresses exists and answers nothing.
        package private(set) var names: [String: [IPAddress]] = [:]

        package init(name: String, names: [String: [IPAddress]] = [:]) {
            self.name = name
            for (name, addresses) in names { add(name, addresses) }
        }

        /// Adds addresses to a name; several containers may share an alias.
        package mutating func add(_ name: String, _ addresses: [IPAddress]) {
            guard let key = DomainName(name)?.key, !key.isEmpty else { return }  // Nobody can ask for what is no name.
            var known = self.names[key] ?? []
            for address in addresses where !known.contains(address) { known.append(address) }
            self.names[key] = known
        }
    }

    /// In the order in which they are asked: the first that knows a name answers.
    package var networks: [Network]
    /// Names of addresses, as `<container>.<network>`.
    package var pointers: [IPAddress: String]
    /// Whether names that are not in the table are asked of the upstreams. False where the sandbox has internal
    /// networks only, unless it was told whom to ask: no name of theirs reaches the node's own servers.
    package var forwards: Bool

    package init(networks: [Network] = [], pointers: [IPAddress: String] = [:], forwards: Bool) {
        self.networks = networks
        self.pointers = pointers
        self.forwards = forwards
    }

    /// The addresses of a name: whole on any network first, then without its last part on the network so called.
    /// `nil` when the name is unknown.
    package func addresses(forKey key: String) -> [IPAddress]? {
        Self.addresses(key, in: networks, name: \.name) { $0.names[$1] }
    }

    /// The same in whatever has networks.
    static func addresses<Network>(
        _ key: String, in networks: [Network], name: (Network) -> String, _ find: (Network, String) -> [IPAddress]?
    ) -> [IPAddress]? {
        for network in networks {
            if let addresses = find(network, key) { return addresses }
        }
        // A network's name may itself have dots: every suffix is tried, the longest first.
        for network in networks {
            let suffix = "." + name(network).lowercased()
            if key.count > suffix.count, key.hasSuffix(suffix),
                let addresses = find(network, String(key.dropLast(suffix.count)))
            {
                return addresses
            }
        }
        return nil
    }

    /// The name of the address that `d.c.b.a.in-addr.arpa` or 32 digits before `ip6.arpa` stand for; `nil` when that is unknown or another name.
    package func pointer(for name: DomainName) -> DomainName? {
        guard let address = Self.address(inPointer: name), let text = pointers[address] else { return nil }
        return DomainName(text)
    }

    /// The address that `d.c.b.a.in-addr.arpa` stands for, or 32 hexadecimal digits, the last one first, before `ip6.arpa` (RFC 3596 §2.5);
    /// `nil` for another name.
    static func address(inPointer name: DomainName) -> IPAddress? {
        let suffix = ".in-addr.arpa"
        let key = name.key
        if key.hasSuffix(".ip6.arpa") { return address6(key.dropLast(".ip6.arpa".count)) }
        guard key.hasSuffix(suffix) else { return nil }
        let reversed = key.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false).reversed()
        return IPAddress(ipv4: reversed.joined(separator: "."))
    }

    private static func address6(_ reversed: Substring) -> IPAddress? {
        let digits = reversed.split(separator: ".", omittingEmptySubsequences: false)
        guard digits.count == 32, digits.allSatisfy({ $0.utf8.count == 1 && UInt8($0, radix: 16) != nil }),
            let number = UInt128(digits.reversed().joined(), radix: 16)
        else { return nil }
        return .v6(IPv6Address(number: number))
    }
}
