import DockerTypes
import EngineInterface
import Faults
import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import Model
import NIOCore
import NIOFoundationCompat

/// One request as a route sees it.
struct Call: Sendable {
    /// The most that a JSON body may have.
    static let largestBody = 8 << 20

    let request: Request
    let parameters: [String: String]
    let query: Query
    let version: APIVersion
    let connection: ServerConnection
    let backends: Backends
    let common: CommonFields
    let logger: Logger

    /// A parameter of the path; the route's template has it.
    subscript(parameter: String) -> String { parameters[parameter] ?? "" }

    /// Reads the body as JSON.
    /// - Parameter name: Of Docker's type, for the words of a refusal.
    /// - Throws: `.invalidInput` in Go's words.
    func body<Body: Decodable>(_ type: Body.Type, named name: String) async throws -> Body {
        let data = try await jsonData()
        guard !data.isEmpty else { throw Self.emptyBody }
        return try Self.decode(type, from: data, named: name)
    }

    /// As ``body(_:named:)``, `nil` when there is none.
    func optionalBody<Body: Decodable>(_ type: Body.Type, named name: String) async throws -> Body? {
        let data = try await jsonData()
        return data.isEmpty ? nil : try Self.decode(type, from: data, named: name)
    }

    /// As ``body(_:named:)``, for one of the few objects of the API that are spelled in lower case.
    func verbatimBody<Body: Decodable>(_ type: Body.Type, named name: String) async throws -> Body {
        let data = try await jsonData()
        guard !data.isEmpty else { throw Self.emptyBody }
        return try Self.read(data, named: name) { try JSONDecoder().decode(type, from: $0) }
    }

    /// Reads the body and drops it.
    func finishBody() async throws { _ = try await bodyData() }

    /// The body of a request that says of itself that it is JSON, or has none. Source: moby, `httputils.CheckForJSON`.
    private func jsonData() async throws -> Data {
        let data = try await bodyData()
        let type = request.headers[.contentType]
        if data.isEmpty, type == nil { return data }
        let name = (type ?? "").prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard !name.isEmpty else {
            throw APIError(.invalidInput, "malformed Content-Type header (\(type ?? "")): mime: no media type")
        }
        guard name == "application/json" else {
            throw APIError(
                .invalidInput, "unsupported Content-Type header (\(type ?? "")): must be 'application/json'")
        }
        return data
    }

    private func bodyData() async throws -> Data {
        await connection.continueIfExpected()
        do {
            return Data(buffer: try await request.body.collect(upTo: Self.largestBody))
        } catch is NIOTooManyBytesError {
            throw APIError(.invalidInput, "request body is larger than \(Self.largestBody) bytes")
        }
    }

    private static func decode<Body: Decodable>(_ type: Body.Type, from data: Data, named name: String) throws -> Body {
        try read(data, named: name) { data in
            let body = try WireJSON.decode(type, from: data)
            try RequestField.check(data, of: name)
            return body
        }
    }

    /// Reads a body as Go's decoder has it: the first value is read, and `null` says nothing. Source: moby, `httputils.ReadJSON`.
    private static func read<Body>(_ data: Data, named name: String, _ decode: (Data) throws -> Body) throws -> Body {
        do { return try decode(data) } catch let error as DecodingError {
            switch GoScanner.finding(in: Array(data)) {
            case .blank: throw emptyBody
            case .followed(let offset):
                let body = try read(Data(data.prefix(offset)), named: name, decode)
                // Go takes them for the ends of what the value stands in.
                guard let next = data.dropFirst(offset).first, "]}".utf8.contains(next) else {
                    throw APIError(.invalidInput, "unexpected content after JSON")
                }
                return body
            case .whole where isNull(data):
                return try read(Data("{}".utf8), named: name, decode)
            case .whole, .cutOff, .wrong: throw invalidJSON(error, in: data, named: name)
            }
        }
    }

    private static func isNull(_ data: Data) -> Bool {
        String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) == "null"
    }

    private static let emptyBody = APIError(.invalidInput, "invalid JSON: got EOF while reading request body")

    private static func invalidJSON(_ error: DecodingError, in data: Data, named name: String) -> APIError {
        APIError(.invalidInput, "invalid JSON: " + GoWords.decodingError(error, in: data, named: name))
    }

    /// The `filters` of a list, of which only `keys` are known.
    func filters(_ keys: Set<String>) throws -> Filters {
        let filters = Filters(try query.filters())
        try filters.allow(keys)
        return filters
    }

    /// What `X-Registry-Auth` says; `nil` when it is missing, empty, or not to be understood, as Docker has it.
    var registryCredentials: RegistryCredentials? {
        request.headers[.registryAuth].flatMap { RegistryCredentials(header: $0) }
    }

    /// `X-Registry-Auth` as it stands there, for the nodes that pull a service's image; `nil` when no secret is in it.
    /// - Throws: ``APIError`` for one that is larger than what a service may keep.
    func credentialsForNodes() throws -> String? {
        guard let text = request.headers[.registryAuth], registryCredentials?.haveSecret == true else { return nil }
        guard text.utf8.count <= PullOptions.mostBytes else {
            throw APIError(
                .invalidInput, "X-Registry-Auth is too large for a service: \(PullOptions.mostBytes) bytes are the most"
            )
        }
        return text
    }

    /// Answers with a stream of unknown length.
    ///
    /// `work` is cancelled when the client goes. An error before the first byte is answered as any other; after it the
    /// connection breaks off.
    /// - Parameter atOnce: Send the head before `work` begins: clients wait for it.
    func stream(
        _ contentType: String, fields extra: HTTPFields = [:], atOnce: Bool = true,
        _ work: @escaping @Sendable (ResponseStream) async throws -> Void
    ) async throws -> Reply {
        var fields = common.fields
        fields[.contentType] = contentType
        fields.append(contentsOf: extra)
        let stream = ResponseStream(connection: connection, head: HTTPResponse(status: .ok, headerFields: fields))
        do {
            try await connection.whileClientIsThere {
                if atOnce { try await stream.begin() }
                try await work(stream)
            }
            try await stream.end()
        } catch {
            guard stream.hasBegun else { throw error }
            logger.debug("a stream broke off", metadata: ["error": "\(error)", "path": "\(request.uri.path)"])
            await stream.abort()
        }
        return .written
    }
}
