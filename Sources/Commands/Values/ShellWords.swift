/// Words of a command in one text, as a shell parts them: blanks, quotes and backslashes.
package enum ShellWords {
    /// - Throws: For a quote or a backslash at the end.
    package static func split(_ text: String) throws(ValueError) -> [String] {
        var elements: [String] = []
        var element: String?
        var quote: Character?
        var rest = text[...]
        while let character = rest.popFirst() {
            switch (quote, character) {
            case ("'", "'"), ("\"", "\""): quote = nil
            case ("'", _): element = (element ?? "") + String(character)
            case ("\"", "\\"), (nil, "\\"):
                guard let next = rest.popFirst() else { throw ValueError("EOF found after escape character") }
                element = (element ?? "") + String(next)
            case ("\"", _): element = (element ?? "") + String(character)
            case (nil, "'"), (nil, "\""):
                quote = character
                element = element ?? ""
            case (nil, " "), (nil, "\t"), (nil, "\n"):
                if let whole = element { elements.append(whole) }
                element = nil
            default: element = (element ?? "") + String(character)
            }
        }
        guard quote == nil else { throw ValueError("EOF found when expecting closing quote") }
        return elements + (element.map { [$0] } ?? [])
    }
}
