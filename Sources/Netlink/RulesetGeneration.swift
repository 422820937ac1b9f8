import CLinux
import Glibc
import Synchronization

extension RulesetSocket {
    /// The number of the last transaction of nftables in the namespace, whoever made it: the kernel counts them, and never says 0. Where it is what it was,
    /// nobody has changed a rule or an element since, and nothing needs to be read to know it.
    package func generation() throws -> UInt32 {
        let attempting = "get the generation of nftables"
        let answer = try shared.socket.withLock { socket in
            try socket.ask(attempting: attempting) { sequence in
                RulesetMessage.begin(RulesetMessage.getGeneration, 0, flags: 0).finished(sequence: sequence)
            }
        }
        for message in answer where message.type == RulesetMessage.newGeneration {
            let attributes = try message.parts(fixed: RulesetMessage.headerLength).attributes
            if let number = attributes.bigEndian(UInt16(truncatingIfNeeded: NFTA_GEN_ID.rawValue), as: UInt32.self) {
                return number
            }
        }
        throw NetlinkError(code: .malformed, attempting: attempting)
    }
}
