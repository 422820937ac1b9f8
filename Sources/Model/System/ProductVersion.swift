/// What this build calls itself, in both programs: the only place that says so.
package enum ProductVersion {
    /// As in `docker version`'s server part and `apus version`'s client part.
    package static let text = "0.4.0"
}
