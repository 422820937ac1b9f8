import HashTreeCollections
import Model

/// Objects by what they have in common; copies share what they can.
struct Grouping<Key: Hashable & Sendable, Object: Identifiable & Sendable>: Sendable where Object.ID == String {
    typealias Group = TreeDictionary<String, SharedObject<Object>>

    private var groups: TreeDictionary<Key, Group> = [:]

    mutating func insert(_ object: SharedObject<Object>, at key: Key) {
        groups[key, default: [:]][object.value.id] = object
    }

    mutating func remove(_ object: SharedObject<Object>, at key: Key) {
        groups[key, default: [:]][object.value.id] = nil
        if groups[key]?.isEmpty == true { groups[key] = nil }
    }

    var isEmpty: Bool { groups.isEmpty }
    var keys: some Collection<Key> { groups.keys }
    subscript(key: Key) -> Group { groups[key] ?? [:] }
    var all: TreeDictionary<Key, Group> { groups }
}

extension Grouping: Equatable where Object: Equatable {}

/// How many there are of each; copies share what they can.
struct CountedSet<Element: Hashable & Sendable>: Sendable, Equatable {
    private var counts: TreeDictionary<Element, Int> = [:]

    mutating func insert(_ element: Element) { counts[element, default: 0] += 1 }

    mutating func remove(_ element: Element) {
        guard let count = counts[element] else { return }
        counts[element] = count > 1 ? count - 1 : nil
    }

    func contains(_ element: Element) -> Bool { counts[element] != nil }
    func count(of element: Element) -> Int { counts[element] ?? 0 }
    /// How many different ones.
    var count: Int { counts.count }
    var isEmpty: Bool { counts.isEmpty }
    var elements: some Collection<Element> { counts.keys }
}
