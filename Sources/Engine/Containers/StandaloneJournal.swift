import Concurrency
import EngineInterface
import Model

/// The containers that belong to no task, in the order in which they have changed: whoever has been told up to a place is told what is other since.
/// A value.
struct StandaloneJournal: Sendable {
    /// Changes that are kept; whoever is further behind is told everything.
    static let mostKept = 4096

    /// Counts changes.
    private(set) var last: UInt64 = 0
    /// Up to which place changes have been forgotten.
    private var floor: UInt64 = 0
    private var changes: [(place: UInt64, id: String)] = []
    private var told: [String: StandaloneContainer] = [:]
    /// Those beyond what is told.
    private var waiting: [String: StandaloneContainer] = [:]

    /// A container is as it is now; `nil` when it is no more, or a task's.
    mutating func note(_ id: String, _ container: StandaloneContainer?) {
        guard let container else {
            // How many are left out is news, too.
            if waiting.removeValue(forKey: id) != nil { last += 1 }
            guard told.removeValue(forKey: id) != nil else { return }
            add(id)
            guard let next = waiting.first else { return }
            waiting[next.key] = nil
            told[next.key] = next.value
            return add(next.key)
        }
        if told[id] == nil, told.count >= StandaloneNews.most {
            if waiting[id] == nil { last += 1 }
            waiting[id] = container
        } else if told[id] != container {
            told[id] = container
            add(id)
        }
    }

    private mutating func add(_ id: String) {
        last += 1
        changes.append((last, id))
        guard changes.count >= Self.mostKept * 2 else { return }
        changes = Array(changes.suffix(Self.mostKept))
        floor = (changes.first?.place ?? last) - 1
    }

    /// - Parameter place: `nil` for everything.
    func news(after place: UInt64?) -> StandaloneNews {
        guard let place, (floor...last).contains(place) else {
            var news = StandaloneNews(place: last, isWhole: true)
            news.present = told.values.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
            news.leftOut = waiting.count
            return news
        }
        var news = StandaloneNews(place: last, isWhole: false)
        news.leftOut = waiting.count
        for id in Set(changes.reversed().prefix { $0.place > place }.map(\.id)) {
            if let container = told[id] { news.present.append(container) } else { news.gone.append(id) }
        }
        // More than one message may name.
        if news.gone.count > StandaloneNews.most { return self.news(after: nil) }
        news.present.sort { ($0.created, $0.id) < ($1.created, $1.id) }
        news.gone.sort()
        return news
    }
}

extension StandaloneContainer {
    /// `nil` for a task's.
    init?(_ record: ContainerRecord) {
        guard record.task == nil else { return nil }
        let state = record.state
        self.init(
            id: record.id, name: record.name, image: record.configuration.image, state: state.status,
            created: Timestamp(seconds: record.created.seconds))
        exitCode = state.exitCode
        finished = Timestamp(seconds: state.finishedAt.seconds)
        if let status = state.health?.status, status != "none" { health = status }
        started = Timestamp(seconds: state.startedAt.seconds)
    }
}

extension ContainerTable: StandaloneSource {
    func standalone(after place: UInt64?) async throws -> StandaloneNews {
        if let place { try await standaloneChanges.wait { $0 > place ? true : nil } }
        return standaloneNews(after: place)
    }
}
