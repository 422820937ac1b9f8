import Addressing
import CLinux

// The kernel's numbers (linux/netlink.h, rtnetlink.h, if_link.h, neighbour.h, fib_rules.h) as the types the codec writes.

/// Bits of a message's header (`NLM_F_…`, netlink(7)).
package enum MessageFlags {
    package static let request = UInt16(NLM_F_REQUEST)
    package static let acknowledge = UInt16(NLM_F_ACK)
    package static let dump = UInt16(NLM_F_ROOT) | UInt16(NLM_F_MATCH)
    package static let create = UInt16(NLM_F_CREATE)
    package static let exclusive = UInt16(NLM_F_EXCL)
    package static let replace = UInt16(NLM_F_REPLACE)
    package static let append = UInt16(NLM_F_APPEND)
    static let interrupted = UInt16(NLM_F_DUMP_INTR)
    static let capped = UInt16(NLM_F_CAPPED)
    static let extended = UInt16(NLM_F_ACK_TLVS)
}

enum MessageType {
    static let noop = UInt16(NLMSG_NOOP)
    static let error = UInt16(NLMSG_ERROR)
    static let done = UInt16(NLMSG_DONE)
    static let newLink = UInt16(RTM_NEWLINK)
    static let deleteLink = UInt16(RTM_DELLINK)
    static let getLink = UInt16(RTM_GETLINK)
    static let setLink = UInt16(RTM_SETLINK)
    static let newAddress = UInt16(RTM_NEWADDR)
    static let deleteAddress = UInt16(RTM_DELADDR)
    static let getAddress = UInt16(RTM_GETADDR)
    static let newRoute = UInt16(RTM_NEWROUTE)
    static let deleteRoute = UInt16(RTM_DELROUTE)
    static let getRoute = UInt16(RTM_GETROUTE)
    static let newNeighbour = UInt16(RTM_NEWNEIGH)
    static let deleteNeighbour = UInt16(RTM_DELNEIGH)
    static let getNeighbour = UInt16(RTM_GETNEIGH)
    static let newRule = UInt16(RTM_NEWRULE)
    static let deleteRule = UInt16(RTM_DELRULE)
    static let getRule = UInt16(RTM_GETRULE)
    static let newParameters = UInt16(RTM_NEWNETCONF)
    static let deleteParameters = UInt16(RTM_DELNETCONF)
    static let newNamespaceID = UInt16(RTM_NEWNSID)
    static let deleteNamespaceID = UInt16(RTM_DELNSID)
    static let getNamespaceID = UInt16(RTM_GETNSID)
}

/// `AF_…` as netlink writes it.
package enum AddressFamily: UInt8, Sendable {
    case unspecified = 0
    case ipv4 = 2
    case bridge = 7
    case ipv6 = 10

    init(_ family: IPFamily) {
        switch family {
        case .v4: self = .ipv4
        case .v6: self = .ipv6
        }
    }
}

extension IPFamily {
    /// `nil` for an `AF_…` that has no internet addresses.
    init?(_ number: UInt8) {
        switch AddressFamily(rawValue: number) {
        case .ipv4: self = .v4
        case .ipv6: self = .v6
        case .unspecified, .bridge, nil: return nil
        }
    }
}

enum LinkAttribute {
    static let address = UInt16(IFLA_ADDRESS)
    static let name = UInt16(IFLA_IFNAME)
    static let mtu = UInt16(IFLA_MTU)
    static let link = UInt16(IFLA_LINK)
    static let master = UInt16(IFLA_MASTER)
    static let linkInfo = UInt16(IFLA_LINKINFO)
    static let alias = UInt16(IFLA_IFALIAS)
    static let statistics = UInt16(IFLA_STATS64)
    static let extensionMask = UInt16(IFLA_EXT_MASK)
    static let group = UInt16(IFLA_GROUP)
    static let namespaceDescriptor = UInt16(IFLA_NET_NS_FD)
    static let linkNamespaceID = UInt16(IFLA_LINK_NETNSID)
    static let families = UInt16(IFLA_AF_SPEC)
    /// What the message's own family says: of a bridge's, the port.
    static let ofFamily = UInt16(IFLA_PROTINFO)
    /// Within the part of the family IPv6.
    static let addressGeneration = UInt16(IFLA_INET6_ADDR_GEN_MODE)
    /// IN6_ADDR_GEN_MODE_NONE.
    static let generatesNone: UInt8 = 1

    static let kind = UInt16(IFLA_INFO_KIND)
    static let data = UInt16(IFLA_INFO_DATA)
    static let portKind = UInt16(IFLA_INFO_SLAVE_KIND)
    static let portData = UInt16(IFLA_INFO_SLAVE_DATA)

    /// RTEXT_FILTER_SKIP_STATS.
    static let skipStatistics: UInt32 = 1 << 3
    static let isUp: UInt32 = 1
    static let lowerIsUp: UInt32 = 1 << 16
}

enum VethAttribute { static let peer = UInt16(VETH_INFO_PEER) }

enum VXLANAttribute {
    static let id = UInt16(IFLA_VXLAN_ID)
    static let local = UInt16(IFLA_VXLAN_LOCAL)
    static let local6 = UInt16(IFLA_VXLAN_LOCAL6)
    static let ttl = UInt16(IFLA_VXLAN_TTL)
    static let learning = UInt16(IFLA_VXLAN_LEARNING)
    static let port = UInt16(IFLA_VXLAN_PORT)
    static let proxy = UInt16(IFLA_VXLAN_PROXY)
    static let udpChecksum = UInt16(IFLA_VXLAN_UDP_CSUM)
    /// A number of `enum ifla_vxlan_df`.
    static let fragments = UInt16(IFLA_VXLAN_DF)
    static let fragmentsForbidden = UInt8(VXLAN_DF_SET.rawValue)
}

enum BridgeAttribute {
    static let multicastSnooping = UInt16(IFLA_BR_MCAST_SNOOPING)
    static let callIPTables = UInt16(IFLA_BR_NF_CALL_IPTABLES)
    static let callIP6Tables = UInt16(IFLA_BR_NF_CALL_IP6TABLES)
    static let callARPTables = UInt16(IFLA_BR_NF_CALL_ARPTABLES)
}

enum PortAttribute {
    static let hairpin = UInt16(IFLA_BRPORT_MODE)
    static let learning = UInt16(IFLA_BRPORT_LEARNING)
    static let unicastFlood = UInt16(IFLA_BRPORT_UNICAST_FLOOD)
    static let multicastFlood = UInt16(IFLA_BRPORT_MCAST_FLOOD)
    static let broadcastFlood = UInt16(IFLA_BRPORT_BCAST_FLOOD)
    static let isolated = UInt16(IFLA_BRPORT_ISOLATED)
    static let locked = UInt16(IFLA_BRPORT_LOCKED)
    static let groupForwardMask = UInt16(IFLA_BRPORT_GROUP_FWD_MASK)
}

enum AddressAttribute {
    static let address = UInt16(IFA_ADDRESS)
    static let local = UInt16(IFA_LOCAL)
    static let label = UInt16(IFA_LABEL)
    static let broadcast = UInt16(IFA_BROADCAST)
    static let flags = UInt16(IFA_FLAGS)
    static let noPrefixRoute = UInt32(IFA_F_NOPREFIXROUTE)
    static let noDuplicateDetection = UInt32(IFA_F_NODAD)
}

enum RouteAttribute {
    static let destination = UInt16(RTA_DST.rawValue)
    static let outInterface = UInt16(RTA_OIF.rawValue)
    static let gateway = UInt16(RTA_GATEWAY.rawValue)
    static let priority = UInt16(RTA_PRIORITY.rawValue)
    static let preferredSource = UInt16(RTA_PREFSRC.rawValue)
    static let metrics = UInt16(RTA_METRICS.rawValue)
    static let table = UInt16(RTA_TABLE.rawValue)
    static let metricMTU = UInt16(RTAX_MTU)
    static let onLink = UInt32(RTNH_F_ONLINK)
    static let cloned = UInt32(RTM_F_CLONED)
}

enum RuleAttribute {
    static let source = UInt16(FRA_SRC)
    static let destination = UInt16(FRA_DST)
    static let inInterface = UInt16(FRA_IIFNAME)
    static let priority = UInt16(FRA_PRIORITY)
    static let mark = UInt16(FRA_FWMARK)
    static let markMask = UInt16(FRA_FWMASK)
    static let table = UInt16(FRA_TABLE)
    static let `protocol` = UInt16(FRA_PROTOCOL)
    static let toTable = UInt8(FR_ACT_TO_TBL)
}

enum NeighbourAttribute {
    static let destination = UInt16(NDA_DST)
    static let linkAddress = UInt16(NDA_LLADDR)
    static let vlan = UInt16(NDA_VLAN)
    static let `protocol` = UInt16(NDA_PROTOCOL)
    static let flagSelf = UInt8(NTF_SELF)
    static let flagMaster = UInt8(NTF_MASTER)
    static let flagProxy = UInt8(NTF_PROXY)
}

enum ParameterAttribute {
    /// NETCONFA_IFINDEX (linux/netconf.h).
    static let link: UInt16 = 1
}

enum NamespaceAttribute {
    static let id = UInt16(NETNSA_NSID)
    static let descriptor = UInt16(NETNSA_FD)
}
