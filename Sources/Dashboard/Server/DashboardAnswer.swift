import DockerMessages
import Faults
import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore

/// What a request is answered with.
struct DashboardAnswer: Sendable {
    var status: HTTPResponse.Status
    var fields: HTTPFields = [:]
    var body = ResponseBody()

    /// On every answer. No Strict-Transport-Security: it would hold for the ports that services publish on this host as well. Scripts, styles and data come from here alone, nothing is framed, and text never becomes markup.
    static let security: HTTPFields = [
        .contentSecurityPolicy:
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; manifest-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        .xContentTypeOptions: "nosniff",
        .referrerPolicy: "no-referrer",
        .crossOriginOpenerPolicy: "same-origin",
        .crossOriginResourcePolicy: "same-origin",
        .permissionsPolicy: "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ]

    static func empty(_ status: HTTPResponse.Status) -> DashboardAnswer { DashboardAnswer(status: status) }

    /// Never kept by the browser: what it says is of this moment and this reader.
    static func json(_ value: some Encodable, _ request: Request, _ status: HTTPResponse.Status = .ok) throws
        -> DashboardAnswer
    {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return json(text: ByteBuffer(bytes: try encoder.encode(value)), request, status)
    }

    static func json(text: ByteBuffer, _ request: Request, _ status: HTTPResponse.Status = .ok) -> DashboardAnswer {
        var answer = DashboardAnswer(status: status)
        answer.fields[.contentType] = "application/json"
        answer.fields[.cacheControl] = "no-store"
        answer.fields[.vary] = "Accept-Encoding"
        if takesGzip(request), let compressed = Gzip.compress(text) {
            answer.fields[.contentEncoding] = "gzip"
            answer.body = ResponseBody(byteBuffer: compressed)
        } else {
            answer.body = ResponseBody(byteBuffer: text)
        }
        return answer
    }

    static func file(_ file: PageFile, _ request: Request) -> DashboardAnswer {
        var answer = DashboardAnswer(status: .ok)
        // Asked for again each time, and answered with 304: a new version shows at once, also behind the same name.
        answer.fields[.cacheControl] = "no-cache"
        answer.fields[.eTag] = file.tag
        answer.fields[.vary] = "Accept-Encoding"
        if let known = request.headers[.ifNoneMatch], known.contains(file.tag) {
            answer.status = .notModified
            return answer
        }
        answer.fields[.contentType] = file.type
        if takesGzip(request), let compressed = file.compressed {
            answer.fields[.contentEncoding] = "gzip"
            answer.body = ResponseBody(byteBuffer: compressed)
        } else {
            answer.body = ResponseBody(byteBuffer: file.bytes)
        }
        return answer
    }

    /// `{"error": code, "message": the words of what refused}`.
    static func failure(_ error: any Error, _ request: Request) -> DashboardAnswer {
        struct Body: Encodable {
            var error: String
            var message: String?
        }
        let fault = (error as? any Fault)?.kind ?? .internalError
        let code = (error as? DashboardError)?.code
        let status: HTTPResponse.Status =
            switch (code, fault) {
            case (.notSignedIn, _): .unauthorized
            case (.tooLarge, _): .contentTooLarge
            case (.tooMany, _): .tooManyRequests
            case (_, .invalidInput): .badRequest
            case (_, .notFound): .notFound
            case (_, .conflict), (_, .notModified): .conflict
            case (_, .forbidden): .forbidden
            case (_, .notImplemented): .notImplemented
            case (_, .unavailable): .serviceUnavailable
            case (_, .internalError): .internalServerError
            }
        let body = Body(
            error: code?.rawValue ?? fault.rawValue,
            message: code == nil && fault != .internalError ? DockerMessage.text(of: error) : nil)
        do {
            return try json(body, request, status)
        } catch {
            return .empty(status)
        }
    }

    private static func takesGzip(_ request: Request) -> Bool {
        (request.headers[.acceptEncoding] ?? "").split(separator: ",").contains {
            $0.prefix { $0 != ";" }.drop { $0 == " " } == "gzip" && !$0.hasSuffix("q=0")
        }
    }
}

extension HTTPField.Name {
    static var crossOriginOpenerPolicy: Self { name("Cross-Origin-Opener-Policy") }
    static var referrerPolicy: Self { name("Referrer-Policy") }
    static var permissionsPolicy: Self { name("Permissions-Policy") }
    static var secFetchSite: Self { name("Sec-Fetch-Site") }
    static var apus: Self { name("X-Apus") }
    static var lastEventID: Self { name("Last-Event-ID") }

    /// Of letters and hyphens, which every name here is.
    private static func name(_ text: String) -> Self { Self(text) ?? .contentType }
}
