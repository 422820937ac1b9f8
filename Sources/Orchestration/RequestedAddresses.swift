package import Model

extension NetworkAttachmentSpec {
    /// The addresses that are asked for, at most one a family; none for any.
    ///
    /// They are one text, with a comma between two. A manager of an earlier build, which knows IPv4 alone, refuses what it cannot give.
    package var addressTexts: [String] {
        (address ?? "").split(separator: ",", omittingEmptySubsequences: true).map(String.init)
    }
}
