import Concurrency
import Foundation
import NodeProtocol

/// What waits to be told to one manager. However slow that is: one batch of events, the newest pulse, one piece of news of containers, and so many
/// answers.
final class FeedOutbox: Sendable {
    /// Answers that wait; those beyond are not given.
    static let mostAnswers = 64

    private struct State {
        var events: Wire.EventBatch?
        var pulse: Wire.Pulse?
        var containers: Wire.StandaloneNews?
        var answers: [Wire.HistoryAnswer] = []

        var isEmpty: Bool { events == nil && pulse == nil && containers == nil && answers.isEmpty }

        mutating func next() -> Wire.FeedMessage? {
            var message = Wire.FeedMessage()
            if let first = answers.first {
                answers = Array(answers.dropFirst())
                message.answer = first
            } else if let own = pulse {
                pulse = nil
                message.pulse = own
            } else if let own = containers {
                containers = nil
                message.containers = own
            } else if let own = events {
                events = nil
                message.events = own
            } else {
                return nil
            }
            return message
        }
    }

    private let state = ObservableValue(State())

    /// The one batch that may be on its way: the next comes when it has been kept.
    func put(_ events: Wire.EventBatch) { state.change { $0.events = events } }

    /// Takes the place of one that has not been told yet.
    func put(_ pulse: Wire.Pulse) { state.change { $0.pulse = pulse } }

    /// Returns once it has been taken to be told: the next piece follows it.
    /// - Throws: `CancellationError`.
    func tell(_ containers: Wire.StandaloneNews) async throws {
        state.change { $0.containers = containers }
        try await state.wait { $0.containers == nil ? true : nil }
    }

    func add(_ answer: Wire.HistoryAnswer) {
        state.change { if $0.answers.count < Self.mostAnswers { $0.answers.append(answer) } }
    }

    /// The next message, as soon as there is one. For one reader.
    /// - Throws: `CancellationError`.
    func next() async throws -> Wire.FeedMessage {
        while true {
            var message: Wire.FeedMessage?
            state.change { message = $0.next() }
            if let message { return message }
            try await state.wait { $0.isEmpty ? nil : true }
        }
    }
}
