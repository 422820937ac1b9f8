import EngineInterface

/// The answer to `GET /distribution/{name}/json`: two names of the API around objects spelled as in OCI documents.
struct DistributionAnswer: Encodable {
    private let inspection: DistributionInspection

    init(_ inspection: DistributionInspection) { self.inspection = inspection }

    private enum CodingKeys: String, CodingKey {
        case descriptor = "Descriptor"
        case platforms = "Platforms"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(inspection.descriptor, forKey: .descriptor)
        try container.encode(inspection.platforms, forKey: .platforms)
    }
}
