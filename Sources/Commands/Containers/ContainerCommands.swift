import DockerClient

enum ContainerCommands {
    static let all: [Command] = [
        .containerAttach, .containerCommit, .containerCopy, .containerCreate, .containerDiff, .containerExec,
        .containerExport, .containerInspect, .containerKill, .containerList, .containerLogs, .containerPause,
        .containerPort, .containerPrune, .containerRemove, .containerRename, .containerRestart, .containerRun,
        .containerStart, .containerStatistics, .containerStop, .containerTop, .containerUnpause, .containerUpdate,
        .containerWait,
    ]
}

enum ContainerRoute {
    static func of(_ reference: String, _ rest: String = "") -> String {
        "/containers/\(Request.part(reference))\(rest)"
    }
}
