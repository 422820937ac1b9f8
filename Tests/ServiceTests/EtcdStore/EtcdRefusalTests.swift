import GRPCCore
import StateStore
import Testing

@testable import EtcdStore

/// What etcd's answers say of a write.
@Suite struct EtcdRefusalTests {
    private func code(_ message: String, writing: Bool) -> StateStoreError.Code {
        StateStoreError(RPCError(code: .unavailable, message: message), "do it", writing: writing).code
    }

    @Test func `a write has not happened where etcd cannot have proposed it, and nobody knows elsewhere`() {
        for message in ["etcdserver: no leader", "etcdserver: rpc not supported for learner"] {
            #expect(code(message, writing: true) == .unavailable)
        }
        for message in [
            "etcdserver: server stopped", "etcdserver: request timed out",
            "etcdserver: request timed out, possibly due to previous leader failure", "Stream unexpectedly closed.",
        ] {
            #expect(code(message, writing: true) == .outcomeUnknown)
            #expect(code(message, writing: false) == .unavailable)
        }
    }
}
