/// What is told of a limit that was asked for and that the control groups of this machine do not know, and of one that is
/// missing. Source: moby, `daemon/daemon_unix.go`, `verifyPlatformContainerResources`.
package enum LimitWarning: String, Sendable, CaseIterable {
    case memory =
        "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."
    case swap =
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap."
    case swappiness =
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded."
    case memoryReservation =
        "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded."
    case memoryKiller = "Your kernel does not support OomKillDisable. OomKillDisable discarded."
    /// Discards nothing.
    case memoryKillerWithoutLimit =
        "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources."
    case processes =
        "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."
    case processorShares = "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded."
    case processorQuota = "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded."
    case processorSets = "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."
    case blockIOWeight =
        "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded."
}
