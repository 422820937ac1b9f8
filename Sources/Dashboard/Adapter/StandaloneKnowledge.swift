package import Cluster
package import Concurrency

/// What a manager knows of nodes' containers that belong to no task.
package struct StandaloneKnowledge: Sendable {
    package var board: StandaloneBoard
    /// Ids of nodes that can be asked.
    package var connected: Set<String>
    /// Counts what nodes have told of them.
    package var news: ObservableValue<UInt64>

    package init(board: StandaloneBoard, connected: Set<String>, news: ObservableValue<UInt64>) {
        self.board = board
        self.connected = connected
        self.news = news
    }
}
