import DockerTypes
import EngineInterface
import Faults
import HTTPTypes
import HummingbirdCore
import Model
import NIOCore

/// Containers' files: `docker cp`, `export` and `diff`.
enum ArchiveRoutes {
    static func add(to routes: inout RouteTable) {
        routes.on(.head, "/containers/{id}/archive") { call in
            let status = try await call.backends.files.statContainerPath(call["id"], path: try path(call))
            return .whole(status: .ok, fields: try fields(status), body: ByteBuffer())
        }
        routes.on(.get, "/containers/{id}/archive") { call in
            let found = try await call.backends.files.readContainerPath(call["id"], path: try path(call))
            return try await send(found.archive, call, try fields(found.status))
        }
        routes.on(.put, "/containers/{id}/archive") { call in
            var options = PathWriteOptions()
            options.keepsKinds = call.query.flag("noOverwriteDirNonDir")
            options.ownedByUser = call.query.flag("copyUIDGID")
            await call.connection.continueIfExpected()
            try await call.backends.files.writeContainerPath(
                call["id"], path: try path(call), options, call.request.body)
            return .empty(.ok)
        }
        routes.on(.get, "/containers/{id}/export") { call in
            try await send(try await call.backends.files.exportContainer(call["id"]), call, [:])
        }
        routes.on(.get, "/containers/{id}/changes") { call in
            let changes = try await call.backends.files.containerChanges(call["id"])
            // Docker's list is null when nothing was changed.
            return try changes.isEmpty ? .json([PathChange]?.none) : .json(changes)
        }
    }

    private static func path(_ call: Call) throws -> String {
        guard let path = call.query.text("path") else {
            throw APIError(.invalidInput, "Bad parameter: path cannot be empty")
        }
        return path
    }

    private static func fields(_ status: PathStatus) throws -> HTTPFields {
        var fields = HTTPFields()
        if let name = HTTPField.Name(PathStatAnswer.headerName) {
            fields[name] = try PathStatAnswer(status).headerValue
        }
        return fields
    }

    private static func send(_ bytes: ByteStream, _ call: Call, _ fields: HTTPFields) async throws -> Reply {
        try await call.stream("application/x-tar", fields: fields) { stream in
            for try await piece in bytes { try await stream.write(piece) }
        }
    }
}
