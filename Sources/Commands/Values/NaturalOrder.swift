/// Names in the order of people: runs of digits as numbers.
package enum NaturalOrder {
    /// Whether the one is listed before the other.
    package static func comesBefore(_ left: String, _ right: String) -> Bool {
        var (left, right) = (left[...], right[...])
        while let first = left.first, let second = right.first {
            if first.isASCII, first.isNumber, second.isASCII, second.isNumber {
                let numbers = (left.prefix { $0.isASCII && $0.isNumber }, right.prefix { $0.isASCII && $0.isNumber })
                let plain = (numbers.0.drop { $0 == "0" }, numbers.1.drop { $0 == "0" })
                if plain.0.count != plain.1.count { return plain.0.count < plain.1.count }
                if plain.0 != plain.1 { return plain.0 < plain.1 }
                if numbers.0.count != numbers.1.count { return numbers.0.count < numbers.1.count }
                left = left[numbers.0.endIndex...]
                right = right[numbers.1.endIndex...]
                continue
            }
            if first != second {
                return first.unicodeScalars.first?.value ?? 0 < second.unicodeScalars.first?.value ?? 0
            }
            left = left.dropFirst()
            right = right.dropFirst()
        }
        return left.isEmpty && !right.isEmpty
    }
}
