import Foundation
package import Model
package import StateStore

/// An object of the swarm that the store keeps.
package protocol SwarmObject: Codable, Sendable, Equatable, Identifiable where ID == String {
    static var storeKind: StoreKind { get }
    var version: ObjectVersion { get set }
    var createdAt: Timestamp { get set }
    var updatedAt: Timestamp { get set }
}

extension Node: SwarmObject { package static var storeKind: StoreKind { .nodes } }
extension Service: SwarmObject { package static var storeKind: StoreKind { .services } }
extension SwarmTask: SwarmObject { package static var storeKind: StoreKind { .tasks } }
extension SwarmNetwork: SwarmObject { package static var storeKind: StoreKind { .networks } }
extension ClusterObject: SwarmObject { package static var storeKind: StoreKind { .clusters } }

extension SwarmObject {
    var key: StoreKey { StoreKey(Self.storeKind, id: id) }

    /// Reads a stored object; its version is the store's revision of it.
    init(stored: StoredValue) throws {
        do {
            self = try WireJSON.decode(Self.self, from: stored.value)
        } catch {
            throw ClusterError(.badObject, "\(stored.key) cannot be read: \(error)")
        }
        version = ObjectVersion(index: UInt64(stored.modifyRevision))
    }

    var storedBytes: [UInt8] { get throws { Array(try WireJSON.encode(self)) } }
}

/// All objects of the swarm as of one revision of the store.
package struct SwarmObjects: Sendable {
    package private(set) var revision: Int64 = 0
    package private(set) var clusters: [String: ClusterObject] = [:]
    package private(set) var nodes: [String: Node] = [:]
    package private(set) var services: [String: Service] = [:]
    package private(set) var tasks: [String: SwarmTask] = [:]
    package private(set) var networks: [String: SwarmNetwork] = [:]

    package init() {}

    /// The swarm itself; there is one.
    package var cluster: ClusterObject? { clusters.values.first }

    /// Takes in what the store tells. Objects that cannot be read are left out and returned.
    package mutating func apply(_ update: StoreUpdate) -> [any Error] {
        var unreadable: [any Error] = []
        switch update {
        case .snapshot(let listing):
            self = SwarmObjects()
            for value in listing.values { put(value, &unreadable) }
            revision = max(revision, listing.revision)
        case .events(let events):
            for event in events {
                switch event {
                case .put(let value): put(value, &unreadable)
                case .delete(let key, _): remove(key)
                }
                revision = max(revision, event.revision)
            }
        case .stale: break
        }
        return unreadable
    }

    private mutating func put(_ value: StoredValue, _ unreadable: inout [any Error]) {
        guard let (kind, id) = value.key.object else { return }
        do {
            switch kind {
            case .clusters: clusters[id] = try ClusterObject(stored: value)
            case .networks: networks[id] = try SwarmNetwork(stored: value)
            case .nodes: nodes[id] = try Node(stored: value)
            case .services: services[id] = try Service(stored: value)
            case .tasks: tasks[id] = try SwarmTask(stored: value)
            case .configs, .secrets: break
            }
        } catch {
            unreadable.append(error)
        }
    }

    private mutating func remove(_ key: StoreKey) {
        guard let (kind, id) = key.object else { return }
        switch kind {
        case .clusters: clusters[id] = nil
        case .networks: networks[id] = nil
        case .nodes: nodes[id] = nil
        case .services: services[id] = nil
        case .tasks: tasks[id] = nil
        case .configs, .secrets: break
        }
    }
}
