import EngineInterface
import Model
import Synchronization
import Testing

@testable import Cluster

/// Which execs a manager remembers the place of.
@Suite struct ExecPlacesTests {
    private final class Clock: Sendable {
        private let timestamp = Mutex(ContinuousClock.now)
        var now: ContinuousClock.Instant { timestamp.withLock { $0 } }
        func pass(_ time: Duration) { timestamp.withLock { $0 += time } }
    }

    private static let place = TaskContainerPlace(
        StandaloneBoard.Place(
            nodeID: "n",
            container: StandaloneContainer(
                id: "c", name: "name", image: "i", state: "running", created: Timestamp(seconds: 0))))

    @Test func `none is forgotten before minutes are over, and then the oldest are`() {
        let clock = Clock()
        let places = ExecPlaces { clock.now }
        let count = 2 * ExecPlaces.most
        for number in 0..<count { #expect(places.remember("\(number)", (Self.place, "c"))) }
        #expect((0..<count).allSatisfy { places["\($0)"]?.reference == "c" })
        #expect(!places.remember("0", (Self.place, "c")))
        clock.pass(ExecPlaces.timeout)
        for number in count..<count + 4 { #expect(places.remember("\(number)", (Self.place, "c"))) }
        let kept = (0..<count + 4).filter { places["\($0)"] != nil }
        #expect(kept == Array((count + 4 - kept.count)..<count + 4), "the last ones")
        #expect(kept.count >= ExecPlaces.most - ExecPlaces.most / 4 && kept.count <= ExecPlaces.most + 4)
    }
}
