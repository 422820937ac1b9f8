/// Containers' standard streams and terminals.
package protocol ContainerStreamBackend: Sendable {
    /// Also before the container runs: all that it writes is seen.
    /// - Throws: `.conflict` for a container that is paused or about to be started again.
    func attachContainer(_ reference: String, _ query: AttachQuery) async throws -> any AttachedStreams
    /// Lines and columns. Nothing happens without a terminal; `.conflict` when the container does not run.
    func resizeContainer(_ reference: String, height: Int, width: Int) async throws
}
