/// Who has made the request that is under way, for what is written down of it.
package struct APIClient: Sendable {
    private let find: @Sendable () async -> String?

    /// - Parameter find: Asked when it is to be written down.
    package init(_ find: @escaping @Sendable () async -> String?) { self.find = find }

    @TaskLocal package static var current: APIClient?

    /// As in `uid=1000`; `nil` where nobody knows.
    package static func name() async -> String? { await current?.find() }
}
