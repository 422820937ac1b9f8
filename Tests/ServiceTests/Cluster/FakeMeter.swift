import Concurrency
import EngineInterface
import Foundation
import Synchronization

/// Tells what a test gives it, and answers queries with what was asked.
final class FakeMeter: PulseSource, HistorySource {
    let newest = ObservableValue<NodePulse?>(nil)
    /// Answers are held back as long as this is set.
    let isSilent = ObservableValue(false)

    func pulse(after time: Int64) async throws -> NodePulse {
        try await newest.wait { pulse in pulse.flatMap { $0.time > time ? $0 : nil } }
    }

    func answer(_ query: Data) async throws -> Data {
        try await isSilent.wait { $0 ? nil : true }
        return Data("answer to ".utf8) + query
    }
}
