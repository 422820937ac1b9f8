// The objects of the model that are kept or sent. What an object has in it changes its form as well: an attachment is part of a task.

extension Node: VersionedRecord {
    package static let recordKind = "node"
    package static let recordVersion = 1
}

extension Service: VersionedRecord {
    package static let recordKind = "service"
    package static let recordVersion = 2
    /// Ports in a row were kept one by one. Who knows no rows would make one port of each.
    package static let earlierForms: [Int: @Sendable (any Decoder) throws -> Service] = [
        1: { decoder in
            var service = try Service(from: decoder)
            service.joinPorts()
            return service
        }
    ]
}

extension SwarmTask: VersionedRecord {
    package static let recordKind = "task"
    package static let recordVersion = 1
}

extension SwarmNetwork: VersionedRecord {
    package static let recordKind = "network"
    package static let recordVersion = 1
}

extension ClusterObject: VersionedRecord {
    package static let recordKind = "cluster"
    package static let recordVersion = 1
}

extension SwarmNetworkState: VersionedRecord {
    package static let recordKind = "network-state"
    package static let recordVersion = 1
}

extension NodeDescription: VersionedRecord {
    package static let recordKind = "node-description"
    package static let recordVersion = 1
}

extension TaskStatus: VersionedRecord {
    package static let recordKind = "task-status"
    package static let recordVersion = 1
}

extension NetworkAttachmentSpec: VersionedRecord {
    package static let recordKind = "attachment-spec"
    package static let recordVersion = 1
}

extension NetworkAttachment: VersionedRecord {
    package static let recordKind = "attachment"
    package static let recordVersion = 1
}

extension VolumeResource: VersionedRecord {
    package static let recordKind = "volume"
    package static let recordVersion = 1
}

extension OperatorAlertRule: VersionedRecord {
    package static let recordKind = "alert-rule"
    package static let recordVersion = 1
}

extension AlertSilence: VersionedRecord {
    package static let recordKind = "alert-silence"
    package static let recordVersion = 1
}

extension KeptDashboardAccount: VersionedRecord {
    package static let recordKind = "dashboard-account"
    package static let recordVersion = 1
}

extension DashboardSigningKey: VersionedRecord {
    package static let recordKind = "dashboard-key"
    package static let recordVersion = 1
}
