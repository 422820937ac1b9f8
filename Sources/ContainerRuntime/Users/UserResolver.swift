import LinuxSystem

/// Finds out which numbers a user's and groups' names stand for in an image, by its own `/etc/passwd` and `/etc/group`
/// (libcontainer's `user.GetExecUser`). Blocks; call it on a thread.
package struct UserResolver: Sendable {
    /// A file longer than this is refused.
    private static let maximumFileBytes = 16 << 20

    let passwd: [Passwd]
    let groups: [Group]

    struct Passwd: Equatable {
        let name: String
        let uid: UInt32
        let gid: UInt32
        let home: String
    }

    struct Group: Equatable {
        let name: String
        let gid: UInt32
        let members: [String]
    }

    /// Reads the files in a root directory, never outside of it. Missing ones are empty.
    package init(rootDirectory: String) throws {
        let files = RootedFiles(root: rootDirectory)
        func text(_ path: String) throws -> String {
            String(decoding: try files.read(path, limit: Self.maximumFileBytes) ?? [], as: UTF8.self)
        }
        self.init(passwd: try text("/etc/passwd"), group: try text("/etc/group"))
    }

    package init(passwd: String, group: String) {
        self.passwd = passwd.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return Passwd(
                name: String(fields[0]), uid: uid, gid: gid, home: fields.count > 5 ? String(fields[5]) : "")
        }
        groups = group.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 3, let gid = UInt32(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: String(fields[0]), gid: gid, members: members)
        }
    }

    /// - Parameters:
    ///   - text: `user`, `uid`, `user:group` and so on; empty is root.
    ///   - additional: Names or numbers of `--group-add`.
    /// - Throws: ``RuntimeError`` `.unknownUser` with Docker's words.
    package func resolve(_ text: String, additional: [String] = []) throws -> ContainerUser {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let userPart = parts.first.map(String.init) ?? ""
        let groupPart = parts.count > 1 ? String(parts[1]) : ""
        var user = ContainerUser()
        let entry = try find(user: userPart)
        if let entry {
            (user.uid, user.gid) = (entry.uid, entry.gid)
        } else if let number = UInt32(userPart) {
            user.uid = number
        }
        if groupPart.isEmpty {
            if let entry { user.additionalGroups = groups.filter { $0.members.contains(entry.name) }.map(\.gid) }
        } else {
            user.gid = try number(ofGroup: groupPart)
        }
        for name in additional { user.additionalGroups.append(try number(ofGroup: name)) }
        var seen: Set<UInt32> = []
        user.additionalGroups = user.additionalGroups.filter { seen.insert($0).inserted }
        // By the number alone, as runc has it; crun leaves those without an entry without a home.
        user.home = passwd.first { $0.uid == user.uid }?.home ?? "/"
        return user
    }

    private func find(user: String) throws -> Passwd? {
        let number = UInt32(user, radix: 10)
        if user.isEmpty { return passwd.first { $0.uid == 0 } }
        if let entry = passwd.first(where: { $0.name == user || $0.uid == number }) { return entry }
        try checkRange(user)
        if number == nil {
            throw RuntimeError(.unknownUser, "unable to find user \(user): no matching entries in passwd file")
        }
        return nil
    }

    private func number(ofGroup name: String) throws -> UInt32 {
        let number = UInt32(name, radix: 10)
        if let entry = groups.first(where: { $0.name == name || $0.gid == number }) { return entry.gid }
        try checkRange(name)
        guard let number else {
            throw RuntimeError(.unknownUser, "unable to find group \(name): no matching entries in group file")
        }
        return number
    }

    private func checkRange(_ text: String) throws {
        guard let number = Int64(text), !(0...Int64(Int32.max)).contains(number) else { return }
        throw RuntimeError(.unknownUser, "uids and gids must be in range 0-2147483647")
    }
}
