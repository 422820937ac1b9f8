import Model

/// What a container's phase is told: what users and policies ask for, and what has happened.
enum ContainerEvent: Sendable, Equatable {
    case startRequested
    case started(pid: Int, at: Timestamp)
    /// Also when it runs already: then it has been ended again.
    /// - Parameter code: Docker's code for a container that could not be started.
    case startFailed(code: Int, error: String, at: Timestamp)
    case stopRequested(by: StopCause, deadline: Timestamp?)
    /// The stop of a restart has failed: no start follows it any more.
    case restartAbandoned
    /// Its processes have been frozen, or set free.
    case frozen, thawed
    /// The kernel has killed a process of the run that began then for want of memory, and the run goes on.
    case memoryKilled(runOf: Timestamp)
    case processEnded(ProcessEnd)
    /// What had to be done after the process' end has been done.
    /// - Parameter delay: After how long the container's policy starts it again, unless somebody wants it to end; `nil` for never.
    case settled(at: Timestamp, restartAfter: Duration?)
    /// A new daemon has found the process, or knows its end.
    case adopted(isAlive: Bool)
    /// A new daemon has found nothing of the process, nor of how it ended.
    case lost(at: Timestamp)
    case removalBegan
    case removalFailed(String)
}

/// What is to be done because of a change of phase, in order.
enum ContainerEffect: Sendable, Equatable {
    /// Nothing has changed: what was asked for cannot be.
    case refuse(ContainerRefusal)
    /// Put its surroundings together and start its process.
    case bringUp
    /// Tell of its start, and follow the process to its end.
    case publishStart, watch
    /// Send the stop signal.
    case signal
    /// Look again when the start that is under way is over.
    case awaitStart
    /// Remove what the process has left, and give its networks up.
    case settle
    /// Tell of the process' end.
    case publishEnd(Exit)
    /// Tell those who wait for an end.
    /// - Parameter isOver: No policy starts it again.
    case release(code: Int, isOver: Bool)
    case restart(after: Duration)
    /// Remove the container if it is not to outlive its end.
    case removeIfTemporary
    /// Remove everything of it.
    case destroy

    typealias Exit = ContainerPhase.Exit
}

/// Why something cannot be done to a container in its phase.
enum ContainerRefusal: Sendable, Equatable {
    case running, paused, notRunning, notPaused, beingRemoved
}
