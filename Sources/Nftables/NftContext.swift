import CNFTables
import Glibc
package import LinuxSystem
import Synchronization

/// libnftables(3) in the network namespace of the calling thread. Blocking.
///
/// It waits for the kernel with select(2), which ends the process when its socket's number is 1024 or more, as it is in a daemon with many
/// containers, clients or published ports. So every command has a thread of its own with a table of descriptors of its own, which begins empty.
package struct NftContext {
    /// Longest piece of nft's complaint that is kept.
    private static let longestMessage = 2_000
    /// libnftables says nothing about use from several threads, and its tables of types and symbols are global.
    private static let library = Mutex(())

    package init() {}

    /// Runs commands in nft's language (nft(8)) as one transaction.
    package func run(_ commands: String, attempting: String = "change nftables") throws(NftablesError) {
        _ = try output(of: commands, flags: 0, attempting: attempting)
    }

    /// What commands print. `flags`: `NFT_CTX_OUTPUT_…`.
    private func output(of commands: String, flags: UInt32, attempting: String) throws(NftablesError) -> String {
        let outcome: (result: Int32, text: String)
        do {
            outcome = try onThreadBlocking {
                try leaveDescriptors()
                return try Self.library.withLock { _ in try Self.run(commands, flags) }
            }
        } catch {
            throw NftablesError(code: .unavailable, attempting: attempting, message: "\(error)")
        }
        guard outcome.result == 0 else {
            throw NftablesError(
                code: .rejected, attempting: attempting, message: String(outcome.text.prefix(Self.longestMessage)))
        }
        return outcome.text
    }

    private static func run(_ commands: String, _ flags: UInt32) throws -> (result: Int32, text: String) {
        KernelCounters.note(.rulesetContext)
        guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw SystemError(errno: ENOMEM, attempting: "make a context of libnftables")
        }
        defer { nft_ctx_free(context) }
        nft_ctx_buffer_output(context)
        nft_ctx_buffer_error(context)
        nft_ctx_output_set_flags(context, flags)
        let result = nft_run_cmd_from_buffer(context, commands)
        let buffer = result == 0 ? nft_ctx_get_output_buffer(context) : nft_ctx_get_error_buffer(context)
        return (result, buffer.map { String(cString: $0) } ?? "")
    }

    /// Those of `ids`, which must be there: a namespace's tables are told by `Ruleset`, because what lists them here
    /// reads everything that is in them. Nothing of other tables is read. `bare`: tables whose elements are of no interest; nft
    /// cannot print some rules as JSON, which is where elements are read from, and complains on standard error.
    package func tables(_ ids: [TableID], bare: Set<TableID> = []) throws -> [TableID: ObservedTable] {
        var found: [TableID: ObservedTable] = [:]
        for id in ids { found[id] = try observe(id, withElements: !bare.contains(id)) }
        return found
    }

    /// A table with its elements, which must be there.
    package func table(_ id: TableID) throws -> ObservedTable { try observe(id, withElements: true) }

    private func observe(_ id: TableID, withElements: Bool) throws(NftablesError) -> ObservedTable {
        let plain = UInt32(NFT_CTX_OUTPUT_TERSE) | UInt32(NFT_CTX_OUTPUT_STATELESS)
        let text = try output(of: "list table \(id)", flags: plain, attempting: "list table \(id)")
        let bare = ObservedTable(text: text, items: [])
        // What prints a table's flags as JSON in 1.0.6 prints memory that it has given back. Such a table is replaced anyway.
        guard withElements, !bare.isDormant else { return bare }
        let listing = try output(
            of: "list table \(id)", flags: UInt32(NFT_CTX_OUTPUT_JSON), attempting: "list table \(id)")
        return ObservedTable(text: text, items: try Self.items(listing))
    }

    private static func items(_ text: String) throws(NftablesError) -> [ListedValue] {
        guard let value = ListedValue(parsing: text), let items = value["nftables"]?.list else {
            throw NftablesError(code: .unreadable, attempting: "read a listing", message: String(text.prefix(200)))
        }
        return items
    }
}

extension NftContext {
    /// Runs work with a context inside a namespace, or inside this process's own.
    package static func with<T: Sendable>(
        _ namespace: NetworkNamespace?, _ body: @escaping @Sendable (NftContext) throws -> T
    ) async throws -> T {
        guard let namespace else { return try await onThread { try body(NftContext()) } }
        return try await namespace.run { try body(NftContext()) }
    }
}
