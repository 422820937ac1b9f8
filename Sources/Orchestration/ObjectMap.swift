package import HashTreeCollections

/// An object that is stored once and referred to from a map and its lookups: what reads one field of it copies nothing.
package final class SharedObject<Object: Sendable>: Sendable {
    package let value: Object
    init(_ value: Object) { self.value = value }
}

extension SharedObject: Equatable where Object: Equatable {
    package static func == (left: SharedObject, right: SharedObject) -> Bool {
        left === right || left.value == right.value
    }
}

/// What is looked up among objects of a kind other than by their ids. It is told of each object that comes and goes; a changed one goes
/// and comes.
package protocol ObjectLookup: Sendable, Equatable {
    /// What is found.
    associatedtype Object: Sendable
    /// Without objects.
    init()
    /// Takes an object in that is not there, nor another of its id.
    mutating func insert(_ object: SharedObject<Object>)
    /// - Parameter object: One that was inserted, the very same.
    mutating func remove(_ object: SharedObject<Object>)
}

/// An object of the swarm that an ``ObjectMap`` takes.
package protocol MappedObject: Identifiable, Equatable, Sendable where ID == String {
    /// What the objects are found by besides their ids.
    associatedtype Lookup: ObjectLookup where Lookup.Object == Self
}

/// Objects by id, and what is looked up among them in other ways.
///
/// A value whose copies share all that they have in common: a copy costs nothing, a change O(log n), however many copies there are. An object
/// that is put once more as it is remains the same in memory, so that comparing two maps of which one came from the other is cheap.
package struct ObjectMap<Object: MappedObject>: Sendable {
    package typealias Tree = TreeDictionary<String, SharedObject<Object>>

    private var tree = Tree()
    /// Always of the objects that are there.
    package private(set) var lookup = Object.Lookup()

    package init() {}

    /// A copy of the object; `nil` takes it out.
    package subscript(id: String) -> Object? {
        get { tree[id]?.value }
        set {
            if let newValue { put(newValue, at: id) } else { removeValue(forKey: id) }
        }
    }

    /// The object itself, without a copy.
    package func shared(_ id: String) -> SharedObject<Object>? { tree[id] }

    /// - Returns: Whether anything has changed by it.
    @discardableResult
    package mutating func put(_ object: Object, at id: String) -> Bool {
        let former = tree[id]
        if let former, former.value == object { return false }
        let new = SharedObject(object)
        // The object's own id, so that it is in memory once.
        tree[former == nil && new.value.id == id ? new.value.id : id] = new
        if let former { lookup.remove(former) }
        lookup.insert(new)
        return true
    }

    /// - Returns: Whether there was one.
    @discardableResult
    package mutating func removeValue(forKey id: String) -> Bool {
        guard let former = tree.removeValue(forKey: id) else { return false }
        lookup.remove(former)
        return true
    }

    package var count: Int { tree.count }
    package var isEmpty: Bool { tree.isEmpty }
    package var keys: [String] { tree.map(\.key) }
    /// The objects, in no order. Each element is a copy of the whole object: where one field is enough, ``shared`` is cheaper.
    package var values: Values { Values(tree: tree) }
    /// The objects themselves, in no order.
    package var shared: Shared { Shared(tree: tree) }

    /// Copies of the objects, made when they are read.
    package struct Values: Collection {
        fileprivate let tree: Tree
        package var startIndex: Tree.Index { tree.startIndex }
        package var endIndex: Tree.Index { tree.endIndex }
        package var count: Int { tree.count }
        /// The next one in the tree.
        package func index(after index: Tree.Index) -> Tree.Index { tree.index(after: index) }
        /// - Parameter index: One of this very collection.
        package subscript(index: Tree.Index) -> Object { tree[index].value.value }
    }

    /// The objects themselves.
    package struct Shared: Collection {
        fileprivate let tree: Tree
        package var startIndex: Tree.Index { tree.startIndex }
        package var endIndex: Tree.Index { tree.endIndex }
        package var count: Int { tree.count }
        /// The next one in the tree.
        package func index(after index: Tree.Index) -> Tree.Index { tree.index(after: index) }
        /// - Parameter index: One of this very collection.
        package subscript(index: Tree.Index) -> SharedObject<Object> { tree[index].value }
    }

    /// Ids of objects that are in one of two maps only, or are not the same in both.
    static func difference(_ left: Self, _ right: Self) -> Set<String> {
        var ids: Set<String> = []
        for (id, object) in left.tree {
            guard let other = right.tree[id], other === object || other.value == object.value else {
                ids.insert(id)
                continue
            }
        }
        for id in right.tree.keys where left.tree[id] == nil { ids.insert(id) }
        return ids
    }
}

extension ObjectMap: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && difference(left, right).isEmpty
    }
}

extension ObjectMap: Sequence {
    /// Ids and copies of objects.
    package struct Iterator: IteratorProtocol {
        fileprivate var base: Tree.Iterator
        package mutating func next() -> (key: String, value: Object)? {
            base.next().map { ($0.key, $0.value.value) }
        }
    }
    /// In no order that means anything.
    package func makeIterator() -> Iterator { Iterator(base: tree.makeIterator()) }
}

extension ObjectMap: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, Object)...) {
        self.init()
        for (id, object) in elements { put(object, at: id) }
    }
}
