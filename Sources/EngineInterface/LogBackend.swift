/// What containers have written. Faults: `.notImplemented` for a container whose log driver keeps nothing.
package protocol LogBackend: Sendable {
    func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}
