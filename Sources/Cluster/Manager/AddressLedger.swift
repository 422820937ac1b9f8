import Model
import Orchestration
import Synchronization

/// Knows on a manager how many addresses of each network are used, free and resting. What is used is read off the objects; what rests is seen as they change,
/// so a manager knows of what was given up since it began to look.
package final class AddressLedger: Sendable {
    private struct State {
        var look: SwarmLook?
        var resting = RestingAddresses()
    }

    private let model: ReadModel
    private let state = Mutex(State())

    init(model: ReadModel) { self.model = model }

    /// Follows what changes, until cancelled.
    func run() async {
        for await _ in model.changes() { follow(at: .now) }
    }

    /// Takes in what has changed since the last look.
    func follow(at now: Timestamp) {
        state.withLock { state in
            let look = model.look(after: state.look)
            // What was last known without a quorum is no news.
            if look.state.isStale { return }
            if let former = state.look {
                state.resting.follow(from: former.state, to: look.state, look.changes, at: now)
            }
            state.look = look
        }
    }

    /// Of each subnet of a network.
    func usage(of network: SwarmNetwork, at now: Timestamp = .now) -> [AddressUsage] {
        var resting = state.withLock { $0.resting }
        resting.forget(at: now)
        return model.objects.addressUsage(of: network, resting)
    }
}
