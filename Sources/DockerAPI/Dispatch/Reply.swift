import DockerTypes
import Foundation
import Glibc
import HTTPTypes
import Model
import NIOCore
import NIOFoundationCompat

/// What a route answers.
enum Reply: Sendable {
    case whole(status: HTTPResponse.Status, fields: HTTPFields, body: ByteBuffer)
    /// The route has written its answer itself, or the connection is no longer HTTP's.
    case written

    /// JSON in the API's spelling.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Reply {
        json(bytes: try WireJSON.encode(value), status: status)
    }

    /// JSON of a value that spells its keys itself.
    static func verbatim(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Reply {
        json(bytes: try WireJSON.encodeVerbatim(value), status: status)
    }

    static func empty(_ status: HTTPResponse.Status) -> Reply {
        .whole(status: status, fields: [:], body: ByteBuffer())
    }

    static func text(_ text: String, fields: HTTPFields = [:]) -> Reply {
        var fields = fields
        fields[.contentType] = "text/plain; charset=utf-8"
        return .whole(status: .ok, fields: fields, body: ByteBuffer(string: text))
    }

    static func failure(_ error: any Error) -> Reply {
        let (status, message) = FaultStatus.answer(to: error)
        return failure(status, message)
    }

    static func failure(_ status: HTTPResponse.Status, _ message: String) -> Reply {
        if status == .notModified { return .empty(status) }
        do {
            // The one object of the API that is spelled in lower case.
            return try .verbatim(ErrorAnswer(message), status: status)
        } catch {
            return .empty(.internalServerError)
        }
    }

    /// JSON that is written already.
    static func json(bytes: Data, status: HTTPResponse.Status = .ok) -> Reply {
        var body = ByteBuffer(data: bytes)
        body.writeString("\n")
        return .whole(status: status, fields: [.contentType: "application/json"], body: body)
    }
}

/// The header fields that every answer has.
struct CommonFields: Sendable {
    let productVersion: String

    var fields: HTTPFields {
        var fields = HTTPFields()
        fields[.apiVersion] = "\(APIVersion.newest)"
        fields[.dockerExperimental] = "false"
        fields[.osType] = "linux"
        fields[.server] = "Apus/\(productVersion) (linux)"
        fields[.date] = Self.now
        return fields
    }

    /// RFC 9110 §5.6.7.
    private static var now: String {
        var time = Glibc.time(nil)
        var parts = tm()
        gmtime_r(&time, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let day = days.dropFirst(Int(clamping: max(0, parts.tm_wday))).first ?? ""
        let month = months.dropFirst(Int(clamping: max(0, parts.tm_mon))).first ?? ""
        return "\(day), \(two(parts.tm_mday)) \(month) \(parts.tm_year + 1900) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}

extension HTTPField.Name {
    static let apiVersion = constant("Api-Version")
    static let builderVersion = constant("Builder-Version")
    static let dockerExperimental = constant("Docker-Experimental")
    static let osType = constant("Ostype")
    static let swarm = constant("Swarm")
    static let pragma = constant("Pragma")
    static let registryAuth = constant("X-Registry-Auth")

    private static func constant(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no header field name") }
        return name
    }
}
