import Foundation
package import Model
package import StateStore

/// An object of the swarm that the store keeps.
package protocol SwarmObject: VersionedRecord, Equatable, Identifiable where ID == String {
    /// Under which kind the store keeps such objects.
    static var storeKind: StoreKind { get }
    /// The store's revision of the value that was read; not part of the value.
    var version: ObjectVersion { get set }
    /// Set once, by whoever makes the object.
    var createdAt: Timestamp { get set }
    /// Set at each write.
    var updatedAt: Timestamp { get set }
}

extension Node: SwarmObject { package static var storeKind: StoreKind { .nodes } }
extension Service: SwarmObject { package static var storeKind: StoreKind { .services } }
extension SwarmTask: SwarmObject { package static var storeKind: StoreKind { .tasks } }
extension SwarmNetwork: SwarmObject { package static var storeKind: StoreKind { .networks } }
extension ClusterObject: SwarmObject { package static var storeKind: StoreKind { .clusters } }

extension OperatorAlertRule: SwarmObject { package static var storeKind: StoreKind { .alertRules } }
extension KeptDashboardAccount: SwarmObject { package static var storeKind: StoreKind { .dashboardAccounts } }
extension DashboardSigningKey: SwarmObject { package static var storeKind: StoreKind { .dashboardKeys } }
extension AlertSilence: SwarmObject { package static var storeKind: StoreKind { .alertSilences } }

extension SwarmObject {
    var key: StoreKey { StoreKey(Self.storeKind, id: id) }

    /// Reads a stored object; its version is the store's revision of it.
    init(stored: StoredValue) throws {
        do {
            self = try WireJSON.decode(record: Self.self, from: stored.value)
        } catch {
            throw ClusterError(.badObject, "\(stored.key) cannot be read: \(error)")
        }
        version = ObjectVersion(index: UInt64(clamping: stored.modifyRevision))
    }

    var storedBytes: [UInt8] { get throws { Array(try WireJSON.encode(record: self)) } }
}
