import GRDB

extension Row {
    /// What a column has. The subscripts of a row end the program where a damaged file has nothing there, or something else.
    /// - Throws: `DatabaseError` of the code `SQLITE_CORRUPT`.
    func wanted<Value: DatabaseValueConvertible>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        do { return try decode(type, forColumn: column) } catch {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "\(column): \(error)")
        }
    }
}
