/// What containers have written. Faults: `.notImplemented` for a container whose log driver keeps nothing.
package protocol LogBackend: Sendable {
    /// The lines there are and, with `follow`, those that come, read only as fast as they are taken.
    func containerLogs(_ reference: String, _ query: LogQuery) async throws -> LogStream
}
