/// Different elements in their order. A change costs a search and a move, and whoever reads them sorts nothing.
struct SortedList<Element: Comparable & Sendable>: Sendable {
    private(set) var elements: [Element] = []

    /// What is there already is there once.
    mutating func insert(_ element: Element) {
        let before = count(before: element)
        if elements.dropFirst(before).first != element { elements.insert(element, at: before) }
    }

    mutating func remove(_ element: Element) {
        let before = count(before: element)
        if elements.dropFirst(before).first == element { elements.remove(at: before) }
    }

    private func count(before element: Element) -> Int {
        var (low, high) = (0, elements.count)
        while low < high {
            let middle = low + (high - low) / 2
            guard elements.indices.contains(middle) else { break }
            if elements[middle] < element { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
