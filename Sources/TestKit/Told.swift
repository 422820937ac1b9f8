import DockerMessages
import Faults

/// Runs something and turns what it throws into what a client is told: ``APIError`` with the sentence. Errors without a sentence
/// are thrown as they are.
package func told<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw retold(error) }
}

/// The same for what waits.
package func told<Result: Sendable>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
) async throws -> Result {
    do { return try await body() } catch { throw retold(error) }
}

private func retold(_ error: any Error) -> any Error {
    guard let fault = error as? any Fault, let sentence = DockerMessage.sentence(for: fault) else { return error }
    return APIError(fault.kind, sentence)
}
