// What the model's own types are when a JSON object leaves them out.

extension Timestamp: ZeroValue {}
extension ContainerConfiguration: ZeroValue { package static var zero: Self { Self() } }
extension LogConfiguration: ZeroValue { package static var zero: Self { Self() } }
extension RestartPolicy: ZeroValue { package static var zero: Self { Self() } }
extension HostConfiguration: ZeroValue { package static var zero: Self { Self() } }
extension ObjectVersion: ZeroValue { package static var zero: Self { Self() } }
extension NodeSpec: ZeroValue { package static var zero: Self { Self() } }
extension NodeStatus: ZeroValue { package static var zero: Self { Self() } }
extension NodeResources: ZeroValue { package static var zero: Self { Self() } }
extension NodeRole: ZeroValue { package static var zero: Self { .worker } }
extension NodeAvailability: ZeroValue { package static var zero: Self { .active } }
extension NodeState: ZeroValue { package static var zero: Self { .unknown } }
extension NodeDescription.Platform: ZeroValue { package static var zero: Self { Self() } }
extension NodeDescription.EngineDescription: ZeroValue { package static var zero: Self { Self() } }
extension ServiceSpec: ZeroValue { package static var zero: Self { Self() } }
extension ServiceMode: ZeroValue { package static var zero: Self { Self() } }
extension ServiceEndpoint: ZeroValue { package static var zero: Self { Self() } }
extension TaskSpec: ZeroValue { package static var zero: Self { Self() } }
extension TaskStatus: ZeroValue { package static var zero: Self { Self() } }
extension TaskState: ZeroValue { package static var zero: Self { .new } }
extension SwarmNetwork: ZeroValue { package static var zero: Self { Self(id: "") } }
extension SwarmNetworkSpec: ZeroValue { package static var zero: Self { Self() } }
extension ClusterSpec: ZeroValue { package static var zero: Self { Self() } }
extension TLSInfo: ZeroValue { package static var zero: Self { Self() } }
extension NetworkStatus.Addresses: ZeroValue { package static var zero: Self { Self() } }
extension AddressManagement: ZeroValue { package static var zero: Self { Self() } }
extension NetworkRequest.ConfigurationSource: ZeroValue { package static var zero: Self { Self() } }
