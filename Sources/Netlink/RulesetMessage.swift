import CLinux

/// linux/netfilter/nf_tables.h
enum RulesetMessage {
    private static let subsystem = UInt16(truncatingIfNeeded: NFNL_SUBSYS_NFTABLES) << 8

    private static func number(_ message: nf_tables_msg_types) -> UInt16 {
        subsystem | UInt16(truncatingIfNeeded: message.rawValue)
    }

    static let newElement = number(NFT_MSG_NEWSETELEM)
    static let deleteElement = number(NFT_MSG_DELSETELEM)
    static let newChain = number(NFT_MSG_NEWCHAIN)
    static let newRule = number(NFT_MSG_NEWRULE)
    static let deleteRule = number(NFT_MSG_DELRULE)
    static let newGeneration = number(NFT_MSG_NEWGEN)
    static let getGeneration = number(NFT_MSG_GETGEN)

    /// `struct nfgenmsg`: family, version, resource id.
    static let headerLength = 4

    static func begin(_ kind: UInt16, _ family: UInt8, flags: UInt16) -> MessageWriter {
        var writer = MessageWriter(type: kind, flags: MessageFlags.request | flags)
        writer.put(family)
        writer.put(zeros: headerLength - 1)
        return writer
    }
}
