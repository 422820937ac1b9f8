/// Short names of the generated messages and services.
package enum Wire {
    package typealias Certificates = Apus_Node_V1_Certificates
    package typealias Dispatcher = Apus_Node_V1_Dispatcher
    package typealias Attachments = Apus_Node_V1_Attachments
    package typealias AttachRequest = Apus_Node_V1_AttachRequest
    package typealias AttachReply = Apus_Node_V1_AttachReply
    package typealias Managers = Apus_Node_V1_Managers
    package typealias JoinStoreRequest = Apus_Node_V1_JoinStoreRequest
    package typealias JoinStoreReply = Apus_Node_V1_JoinStoreReply
    package typealias StoreMember = Apus_Node_V1_StoreMember
    package typealias StoreSecret = Apus_Node_V1_StoreSecret
    package typealias RootCertificateRequest = Apus_Node_V1_RootCertificateRequest
    package typealias RootCertificateReply = Apus_Node_V1_RootCertificateReply
    package typealias JoinRequest = Apus_Node_V1_JoinRequest
    package typealias RenewRequest = Apus_Node_V1_RenewRequest
    package typealias CertificateReply = Apus_Node_V1_CertificateReply
    package typealias Program = Apus_Node_V1_Program
    package typealias Manager = Apus_Node_V1_Manager
    package typealias SessionRequest = Apus_Node_V1_SessionRequest
    package typealias SessionMessage = Apus_Node_V1_SessionMessage
    package typealias AssignmentsRequest = Apus_Node_V1_AssignmentsRequest
    package typealias AssignmentsMessage = Apus_Node_V1_AssignmentsMessage
    package typealias TaskSet = Apus_Node_V1_TaskSet
    package typealias NetworkChanges = Apus_Node_V1_NetworkChanges
    package typealias NetworkFact = Apus_Node_V1_NetworkFact
    package typealias NetworkKey = Apus_Node_V1_NetworkKey
    package typealias NetworkPortKey = Apus_Node_V1_NetworkPortKey
    package typealias NetworkMeshBackend = Apus_Node_V1_NetworkMeshBackend
    package typealias NetworkBackend = Apus_Node_V1_NetworkBackend
    package typealias NetworkPeer = Apus_Node_V1_NetworkPeer
    package typealias NetworkPort = Apus_Node_V1_NetworkPort
    package typealias NetworkEndpoint = Apus_Node_V1_NetworkEndpoint
    package typealias NetworkService = Apus_Node_V1_NetworkService
    package typealias NetworkDefinition = Apus_Node_V1_NetworkDefinition
    package typealias NetworkMoment = Apus_Node_V1_NetworkMoment
    package typealias NetworkDriver = Apus_Node_V1_NetworkDriver
    package typealias NetworkPools = Apus_Node_V1_NetworkPools
    package typealias NetworkPool = Apus_Node_V1_NetworkPool
    package typealias NetworkProgress = Apus_Node_V1_NetworkProgress
    package typealias ReportTasksRequest = Apus_Node_V1_ReportTasksRequest
    package typealias TaskReport = Apus_Node_V1_TaskReport
    package typealias ReportNetworkRequest = Apus_Node_V1_ReportNetworkRequest
    package typealias ReportReply = Apus_Node_V1_ReportReply
    package typealias LogBroker = Apus_Node_V1_LogBroker
    package typealias WantedLogsRequest = Apus_Node_V1_WantedLogsRequest
    package typealias WantedLogs = Apus_Node_V1_WantedLogs
    package typealias LogRequest = Apus_Node_V1_LogRequest
    package typealias LogBatch = Apus_Node_V1_LogBatch
    package typealias LogLine = Apus_Node_V1_LogLine
    package typealias LogFailure = Apus_Node_V1_LogFailure
    package typealias LogReply = Apus_Node_V1_LogReply

    /// Bytes of one message's payload at the most: half of what the transport takes, see ``NodeTransport``.
    package static let pieceBytes = 512 * 1024
}
