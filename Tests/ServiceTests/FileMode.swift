import Foundation

/// A file's permission bits. Asked through Foundation: which module owns `stat`'s members depends on what else a test target imports.
func fileMode(_ path: String) throws -> Int? {
    (try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
}
