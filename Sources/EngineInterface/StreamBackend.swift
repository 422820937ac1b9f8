/// Containers' standard streams and terminals.
package protocol ContainerStreamBackend: Sendable {
    func attachContainer(_ reference: String, _ query: AttachQuery) async throws -> any AttachedStreams
    func resizeContainer(_ reference: String, height: Int, width: Int) async throws
}
