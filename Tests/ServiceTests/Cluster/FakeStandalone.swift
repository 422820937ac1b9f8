import Concurrency
import EngineInterface

/// Tells of the containers that a test gives it, all of them with each change.
final class FakeStandalone: StandaloneSource {
    let present = ObservableValue<(place: UInt64, containers: [StandaloneContainer])>((0, []))

    func set(_ containers: [StandaloneContainer]) { present.change { $0 = ($0.place + 1, containers) } }

    func standalone(after place: UInt64?) async throws -> StandaloneNews {
        let (now, containers) = try await present.wait { now in place.map { now.place > $0 } ?? true ? now : nil }
        var news = StandaloneNews(place: now, isWhole: true)
        news.present = containers
        return news
    }
}
