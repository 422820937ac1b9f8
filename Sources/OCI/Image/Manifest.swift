import FoundationEssentials

/// Names some content by digest, size and media type (image-spec, descriptor.md).
package struct ContentDescriptor: Codable, Sendable, Equatable {
    package var mediaType: String
    package var digest: Digest
    /// Bytes.
    package var size: Int64
    package var platform: Platform?
    /// By their names (image-spec, annotations.md).
    package var annotations: [String: String]?
    /// Where a foreign layer may be fetched from.
    package var urls: [String]?

    package init(mediaType: String, digest: Digest, size: Int64, platform: Platform? = nil) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
    }
}

/// One image for one platform: its configuration and its layers, lowest first.
package struct ImageManifest: Codable, Sendable, Equatable {
    package var schemaVersion = 2
    package var mediaType: String?
    package var config: ContentDescriptor
    package var layers: [ContentDescriptor]

    package init(mediaType: String, config: ContentDescriptor, layers: [ContentDescriptor]) {
        self.mediaType = mediaType
        self.config = config
        self.layers = layers
    }
}

/// Manifests of one image for several platforms: an OCI index or Docker's manifest list.
package struct ImageIndex: Codable, Sendable, Equatable {
    package var schemaVersion = 2
    package var mediaType: String?
    package var manifests: [ContentDescriptor]

    package init(mediaType: String, manifests: [ContentDescriptor]) {
        self.mediaType = mediaType
        self.manifests = manifests
    }

    /// The manifest that fits the platform best; those that describe no image (`unknown`) never do.
    package func manifest(for platform: Platform) -> ContentDescriptor? {
        let fitting = manifests.filter { $0.platform.map { $0.fits(platform) } ?? false }
        return fitting.first { $0.platform?.variant == platform.variant } ?? fitting.first
    }
}

/// What a registry has under a name.
package enum RegistryDocument: Sendable, Equatable {
    case manifest(ImageManifest)
    case index(ImageIndex)

    /// Reads the bytes as the media type says; without one (`nil` or `application/json`), as the document itself says.
    /// - Throws: ``OCIError`` `badDocument`.
    package init(_ bytes: [UInt8], mediaType declared: String?) throws(OCIError) {
        let outline: Outline = try OCIDocument.decode(bytes)
        let type = [declared, outline.mediaType].lazy.compactMap { $0 }
            .first { MediaType.isIndex($0) || MediaType.isManifest($0) }
        guard outline.schemaVersion == 2 else {
            throw OCIError(.badDocument, "manifest schema version \(outline.schemaVersion ?? 0) is not supported")
        }
        // The same bytes must not mean different images to different readers (CVE-2021-41190).
        if outline.manifests != nil, outline.config != nil || outline.layers != nil {
            throw OCIError(.badDocument, "both a manifest and an index")
        }
        if type.map(MediaType.isIndex) ?? (outline.manifests != nil) {
            self = .index(try OCIDocument.decode(bytes))
        } else {
            self = .manifest(try OCIDocument.decode(bytes))
        }
    }

    private struct Outline: Decodable {
        var schemaVersion: Int?
        var mediaType: String?
        var manifests: [Ignored]?
        var config: Ignored?
        var layers: [Ignored]?
    }
    private struct Ignored: Decodable {
        init(from decoder: any Decoder) throws {}
    }
}

/// JSON of the image and runtime specifications, whose keys are spelled as in our types.
package enum OCIDocument {
    /// - Throws: ``OCIError`` `badDocument`.
    package static func decode<Document: Decodable>(_ bytes: [UInt8]) throws(OCIError) -> Document {
        do {
            return try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch let error as OCIError {
            throw error
        } catch {
            throw OCIError(.badDocument, "\(error)")
        }
    }

    /// Keys are sorted, so equal values give equal bytes.
    package static func encode(_ document: some Encodable) throws(OCIError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(document))
        } catch {
            throw OCIError(.badDocument, "\(error)")
        }
    }
}
