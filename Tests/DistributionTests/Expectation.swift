import RxModel

/// What a step says about its answer.
struct Expectation {
    let step: JSON
    let contents: Contents

    /// What is not so, in words; nothing when all is.
    func problems(_ answer: Answer) throws -> [String] {
        var out: [String] = []
        let statuses = step["status"]?.array?.compactMap(\.int) ?? step["status"]?.int.map { [$0] } ?? []
        if !statuses.isEmpty, !statuses.contains(answer.status) { out.append("status is not \(statuses)") }
        for (name, wanted) in step["expect"]?.object ?? [:] { out += try header(name, answer[name], wanted) }
        out += try body(answer)
        for (key, wanted) in try contents.described(step["json"] ?? .object([:])).object ?? [:] where !so(answer.json?[key], wanted) {
            out.append("\(key) is not \(wanted.text)")
        }
        for key in ["tags", "repositories"] {
            guard let wanted = try step[key].map(contents.described), answer.json?[key] != wanted else { continue }
            out.append("\(key) are not \(wanted.text)")
        }
        if let wanted = try step["manifests"].map(contents.described)?.array {
            out += descriptors(answer.json?["manifests"]?.array, wanted)
        }
        let codes = answer.json?["errors"]?.array?.compactMap { $0["code"]?.string } ?? []
        if let wanted = step["code"]?.string, codes.first != wanted { out.append("the first error's code is not \(wanted)") }
        if let wanted = step["codes"]?.array?.compactMap(\.string), codes != wanted { out.append("the errors' codes are not \(wanted)") }
        return out
    }

    private func header(_ name: String, _ value: String?, _ wanted: JSON) throws -> [String] {
        switch wanted {
        case .null: return value == nil ? [] : ["\(name) is there"]
        case .bool: return value == nil ? ["\(name) is absent"] : []
        case .string(let text):
            let text = try contents.fill(text)
            return value == text ? [] : ["\(name) is \(value ?? "absent"), not \(text)"]
        default:
            guard let pattern = wanted["match"]?.string else { throw TableError("not a header's expectation: \(wanted.text)") }
            let regex = try Regex(try contents.fill(pattern))
            return value?.wholeMatch(of: regex) == nil ? ["\(name) is \(value ?? "absent"), not \(pattern)"] : []
        }
    }

    private func body(_ answer: Answer) throws -> [String] {
        if step["empty"] == true, !answer.body.isEmpty { return ["the body is not empty"] }
        guard let wanted = step["content"] else { return [] }
        var bytes: [UInt8]
        if let part = wanted["content"] {
            bytes = try contents.content(part)
            bytes = Array(bytes[(wanted["from"]?.int ?? 0)...min(bytes.count - 1, wanted["to"]?.int ?? bytes.count - 1)])
        } else {
            bytes = try contents.content(wanted)
        }
        return bytes == answer.body ? [] : ["the body of \(answer.body.count) bytes is not the one of \(bytes.count) bytes"]
    }

    /// Each wanted descriptor once, in any order, and no other.
    private func descriptors(_ found: [JSON]?, _ wanted: [JSON]) -> [String] {
        guard var left = found else { return ["there is no list of manifests"] }
        var out: [String] = []
        for each in wanted {
            if let index = left.firstIndex(where: { so($0, each) }) {
                left.remove(at: index)
            } else {
                out.append("no descriptor is \(each.text)")
            }
        }
        return out + left.map { "a descriptor too many: \($0.text)" }
    }

    /// Whether all that is wanted is there; null is "absent".
    private func so(_ found: JSON?, _ wanted: JSON) -> Bool {
        switch wanted {
        case .null: return found == nil
        case .object(let members): return found?.object != nil && members.allSatisfy { so(found?[$0.key], $0.value) }
        case .array(let elements):
            guard let list = found?.array, list.count == elements.count else { return false }
            return zip(list, elements).allSatisfy { so($0, $1) }
        default: return found == wanted
        }
    }
}
