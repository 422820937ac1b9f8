/// The version of a swarm object: its revision in the store. An update names the version that it was made from.
package struct ObjectVersion: Codable, Sendable, Equatable, Hashable {
    /// Grows with every change of anything in the store, so that two versions of an object need not be neighbours.
    @Zero package var index: UInt64

    package init(index: UInt64 = 0) { self.index = index }
}
