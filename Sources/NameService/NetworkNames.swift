package import Addressing
import Synchronization

/// What a resolver answers from.
package protocol NameSource: Sendable {
    /// The addresses of a name by its ``DomainName/key``; empty for one that exists and has none, `nil` for one that is unknown.
    func addresses(forKey key: String) -> [IPAddress]?
    /// The name of the address that `d.c.b.a.in-addr.arpa` stands for; `nil` when that is unknown or another name.
    func pointer(for name: DomainName) -> DomainName?
    /// Whether names that it does not know are asked of the upstreams.
    var forwards: Bool { get }
}

extension NameSource {
    /// The addresses of a name, as ``addresses(forKey:)`` has them.
    package func addresses(of name: DomainName) -> [IPAddress]? { addresses(forKey: name.key) }
}

/// Names that are services' own on every network of a swarm: `<service>.<network>`.
package final class ServiceNames: Sendable {
    /// Of how many services each is, by its key.
    private let counts = Mutex<[String: Int]>([:])

    package init() {}

    /// One more service is called so.
    package func add(_ name: String) {
        guard let key = DomainName(name)?.key else { return }
        counts.withLock { $0[key, default: 0] += 1 }
    }

    /// Takes back one ``add(_:)``.
    package func remove(_ name: String) {
        guard let key = DomainName(name)?.key else { return }
        counts.withLock { counts in
            guard let count = counts[key] else { return }
            counts[key] = count > 1 ? count - 1 : nil
        }
    }

    func contains(_ key: String) -> Bool { counts.withLock { $0[key] != nil } }
}

/// The names on one network, shared by all its sandboxes and changed in place: a change costs what it names, however many others there are.
///
/// Who has a place on a swarm's network chooses what it is called there, and none of the names that are services': those of the
/// network's services, `tasks.<anything>`, and ``ServiceNames``. That is looked at when a name is asked for, so it does not matter who came first.
/// Its lock is held for one look-up or one change.
package final class NetworkNames: Sendable {
    /// By whom names are given and taken away: all of one holder's at once.
    package enum Holder: Hashable, Sendable, Comparable {
        /// A service by its id: its names and aliases.
        case service(String)
        /// The same service's `tasks.<name>` of its name and aliases, which are names while there are no tasks, too.
        case tasks(String)
        /// A task behind a service.
        case backend(String, IPAddress)
        /// A container or a task by whatever tells it from others on the network.
        case place(String)

        fileprivate var isPlace: Bool { if case .place = self { true } else { false } }
        /// Whether addresses are called by its first name.
        fileprivate var isNamesake: Bool {
            switch self {
            case .service, .place: true
            case .tasks, .backend: false
            }
        }
    }

    private struct Entry: Equatable {
        /// As they are written; the first is the one that its addresses are called by.
        var names: [String]
        var addresses: [IPAddress]

        var keys: Set<String> { Set(names.compactMap { DomainName($0)?.key }.filter { !$0.isEmpty }) }
    }

    private struct Answer {
        /// How many have the name, with addresses or without.
        var holders = 0
        /// How many have the name with this address.
        var counts: [IPAddress: Int] = [:]

        mutating func add(_ addresses: [IPAddress]) {
            holders += 1
            for address in addresses { counts[address, default: 0] += 1 }
        }

        /// - Returns: Whether anybody has the name still.
        mutating func remove(_ addresses: [IPAddress]) -> Bool {
            holders -= 1
            for address in addresses {
                let left = (counts[address] ?? 1) - 1
                counts[address] = left > 0 ? left : nil
            }
            return holders > 0
        }
    }

    private struct State {
        var entries: [Holder: Entry] = [:]
        /// By key: names of services, and of those who have a place.
        var services: [String: Answer] = [:]
        var places: [String: Answer] = [:]
        /// Who may be called so; nearly always one.
        var callers: [IPAddress: [Holder]] = [:]
    }

    private static let tasks = "tasks."

    /// `nil` on a network of a node alone, where there are no services.
    private let reserved: ServiceNames?
    private let state = Mutex(State())

    package init(reserved: ServiceNames? = nil) { self.reserved = reserved }

    package var isEmpty: Bool { state.withLock { $0.entries.isEmpty } }

    /// Gives a holder these names, and none but these; without any it has none.
    /// - Parameters:
    ///   - names: What is no domain name nobody can ask for.
    ///   - addresses: What each of them answers.
    package func set(_ holder: Holder, _ names: [String], _ addresses: [IPAddress]) {
        let entry = names.isEmpty ? nil : Entry(names: names, addresses: addresses)
        state.withLock { state in
            if state.entries[holder] == entry { return }
            if let old = state.entries.removeValue(forKey: holder) { Self.take(old, of: holder, &state) }
            if let entry {
                state.entries[holder] = entry
                Self.put(entry, of: holder, &state)
            }
        }
    }

    /// Nobody has a name any more.
    package func removeAll() { state.withLock { $0 = State() } }

    private static func put(_ entry: Entry, of holder: Holder, _ state: inout State) {
        let addresses = Array(Set(entry.addresses))
        for key in entry.keys {
            if holder.isPlace {
                state.places[key, default: Answer()].add(addresses)
            } else {
                state.services[key, default: Answer()].add(addresses)
            }
        }
        guard holder.isNamesake else { return }
        for address in addresses { state.callers[address, default: []].append(holder) }
    }

    private static func take(_ entry: Entry, of holder: Holder, _ state: inout State) {
        let addresses = Array(Set(entry.addresses))
        for key in entry.keys {
            if holder.isPlace {
                if state.places[key]?.remove(addresses) == false { state.places[key] = nil }
            } else {
                if state.services[key]?.remove(addresses) == false { state.services[key] = nil }
            }
        }
        guard holder.isNamesake else { return }
        for address in addresses {
            state.callers[address]?.removeAll { $0 == holder }
            if state.callers[address]?.isEmpty == true { state.callers[address] = nil }
        }
    }

    /// By the key of a name, in no order; `nil` when it is unknown.
    func addresses(_ key: String) -> [IPAddress]? {
        let isReserved = reserved?.contains(key) ?? false
        return state.withLock { state in
            if let answer = state.services[key] { return Array(answer.counts.keys) }
            if reserved != nil, isReserved || key.hasPrefix(Self.tasks) { return nil }
            return state.places[key].map { Array($0.counts.keys) }
        }
    }

    /// What an address is called, without the network's name.
    func caller(_ address: IPAddress) -> String? {
        state.withLock { state in
            for holder in (state.callers[address] ?? []).sorted() {
                guard let names = state.entries[holder]?.names else { continue }
                let own = holder.isPlace && reserved != nil ? names.first { isFree($0, state) } : names.first
                if let own { return own }
            }
            return nil
        }
    }

    private func isFree(_ name: String, _ state: State) -> Bool {
        guard let key = DomainName(name)?.key else { return false }
        return !key.hasPrefix(Self.tasks) && state.services[key] == nil && reserved?.contains(key) != true
    }
}

/// What one sandbox can look up: the networks that it is on, which others are on, too, and the few names that are its own.
package struct SandboxNames: NameSource {
    /// A name that the sandbox alone has for another name of the network.
    package struct Link: Sendable, Equatable {
        let alias: String
        let target: String

        /// - Returns: `nil` when one of them is no domain name.
        package init?(_ alias: String, to target: String) {
            guard let alias = DomainName(alias)?.key, let target = DomainName(target)?.key, !alias.isEmpty else {
                return nil
            }
            self.alias = alias
            self.target = target
        }
    }

    /// A network that the sandbox is in, with the links that hold there for it alone.
    package struct Network: Sendable {
        /// `web.my-net` means `web` on `my-net`.
        package let name: String
        package let names: NetworkNames
        package let links: [Link]

        package init(name: String, names: NetworkNames, links: [Link] = []) {
            self.links = links
            self.name = name
            self.names = names
        }

        fileprivate func addresses(_ key: String) -> [IPAddress]? {
            if links.isEmpty { return names.addresses(key) }
            return addresses(key, links[...])
        }

        /// A link leads to what its target is without the links after it, so none leads to itself.
        private func addresses(_ key: String, _ links: ArraySlice<Link>) -> [IPAddress]? {
            var known = names.addresses(key)
            for index in links.indices where links[index].alias == key {
                guard let more = addresses(links[index].target, links[..<index]) else { continue }
                known = (known ?? []) + more.filter { known?.contains($0) != true }
            }
            return known
        }
    }

    /// In the order in which they are asked: the first that knows a name answers.
    package var networks: [Network]
    package var forwards: Bool

    package init(networks: [Network], forwards: Bool) {
        self.forwards = forwards
        self.networks = networks
    }

    package func addresses(forKey key: String) -> [IPAddress]? {
        NameTable.addresses(key, in: networks, name: \.name) { $0.addresses($1) }
    }

    package func pointer(for name: DomainName) -> DomainName? {
        guard let address = NameTable.address(inPointer: name) else { return nil }
        for network in networks.reversed() {
            if let caller = network.names.caller(address) { return DomainName("\(caller).\(network.name)") }
        }
        return nil
    }
}
