/// An amount or a name of something that a node has and Docker has no word for. Source: Engine API 1.50, `GenericResources`.
///
/// What is anything else is read as an entry without content, however it is nested, so that it costs nothing and says nothing.
package struct GenericResource: Codable, Sendable, Equatable {
    /// One thing with a name, as a certain GPU.
    package struct Named: Codable, Sendable, Equatable {
        @Zero package var kind: String
        @Zero package var value: String
        package init() {}
    }
    /// So many of a kind.
    package struct Discrete: Codable, Sendable, Equatable {
        @Zero package var kind: String
        /// How many.
        @Zero package var value: Int64
        package init() {}
    }

    package var namedResourceSpec: Named?
    package var discreteResourceSpec: Discrete?

    package init() {}

    package init(from decoder: any Decoder) throws {
        // Each of the three may be of another type, which is then no content.
        guard let fields = try? decoder.container(keyedBy: CodingKeys.self) else { return }
        namedResourceSpec = try? fields.decodeIfPresent(Named.self, forKey: .namedResourceSpec)
        discreteResourceSpec = try? fields.decodeIfPresent(Discrete.self, forKey: .discreteResourceSpec)
    }
}
