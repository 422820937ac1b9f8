import EngineInterface

/// How posting of metrics and of alerts goes, where somebody is to be told of them.
enum PostingFamilies {
    static func write(push: PostingState?, webhook: PostingState?, to page: inout ExpositionWriter) {
        if let push {
            let labels = ExpositionWriter.Labels([("address", push.address)])
            common("metrics_push", "of metrics", push, labels, &page)
            page.family(
                "apus_metrics_push_refused_points", .counter, unit: "points",
                "Values that the receiver of metrics would not have of requests that it took.")
            page.sample(labels, Int64(clamping: push.refused))
        }
        if let webhook {
            let labels = ExpositionWriter.Labels([("address", webhook.address)])
            common("alert_webhook", "of alerts", webhook, labels, &page)
            page.family(
                "apus_alert_webhook_lost_alerts", .counter, unit: "alerts",
                "Ends of alerts that the receiver is not told of, since too many waited.")
            page.sample(labels, Int64(clamping: webhook.lost))
            page.family(
                "apus_alert_webhook_waiting_alerts", .gauge, unit: "alerts",
                "Alerts that the receiver is to be told of.")
            page.sample(labels, Int64(clamping: webhook.waiting))
        }
    }

    private static func common(
        _ name: String, _ what: String, _ state: PostingState, _ labels: ExpositionWriter.Labels,
        _ page: inout ExpositionWriter
    ) {
        page.family("apus_\(name)_up", .gauge, "Whether the receiver \(what) takes what it is sent.")
        page.sample(labels, state.isDown ? 0 : 1)
        page.family(
            "apus_\(name)_requests", .counter, unit: "requests", "Requests to the receiver \(what), by outcome.")
        page.sample(labels.adding("outcome", "accepted"), Int64(clamping: state.accepted))
        page.sample(labels.adding("outcome", "failed"), Int64(clamping: state.failed))
    }
}
