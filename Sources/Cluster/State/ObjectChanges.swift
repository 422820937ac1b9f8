package import StateStore

/// Which objects of the swarm have changed: how often and how does not matter, as the newest is read where they are.
package struct ObjectChanges: Sendable, Equatable {
    /// Every object may have changed, or be gone, or be new.
    package private(set) var isEverything: Bool
    /// Keys of the objects; none with ``isEverything``.
    package private(set) var keys: Set<StoreKey> = []

    /// More changed objects than this are as good as all.
    static let maximum = 1 << 16

    /// - Parameter isEverything: Nothing has been read yet.
    package init(isEverything: Bool = false) { self.isEverything = isEverything }

    /// Whether every object is as it was.
    package var isEmpty: Bool { !isEverything && keys.isEmpty }

    mutating func take(_ update: StoreUpdate) {
        switch update {
        case .snapshot: takeEverything()
        case .events(let events):
            if isEverything { return }
            for event in events {
                switch event {
                case .put(let value): keys.insert(value.key)
                case .delete(let key, _): keys.insert(key)
                }
            }
            if keys.count > Self.maximum { takeEverything() }
        case .stale: break
        }
    }

    private mutating func takeEverything() {
        isEverything = true
        keys = []
    }

    /// Ids of the objects of a kind.
    func ids(of kind: StoreKind) -> [String] {
        keys.compactMap { key in key.object.flatMap { $0.kind == kind ? $0.id : nil } }
    }
}
