public import RxModel

/// A cell under a path: get gives its value, put merges one. Source: Specs/15-loader, LOD-023.
public struct CellResource<Value: Mergeable>: Resource {
    private let cell: Cell<Value>
    private let read: @Sendable (JSON) -> Value?
    private let write: @Sendable (Value) -> JSON

    /// Shows `cell`; `read` gives nil for JSON that is no value of it.
    public init(_ cell: Cell<Value>, read: @escaping @Sendable (JSON) -> Value?, write: @escaping @Sendable (Value) -> JSON) {
        self.cell = cell
        self.read = read
        self.write = write
    }

    public func get(_ headers: Headers) async -> Reply {
        guard let value = cell.value else { return .notFound }
        return Reply(.json(write(value)), type: "cell")
    }

    /// Answers the merged value.
    public func put(_ headers: Headers, _ body: Body) async -> Reply {
        guard let json = body.json, let value = read(json) else { return .condition(.invalid, "the body is no value of this cell") }
        cell.put(value)
        return await get(headers)
    }
}

extension CellResource<Max<Int>> {
    /// The largest of whole numbers.
    public init(_ cell: Cell<Max<Int>>) { self.init(cell, read: { $0.int.map(Max.init) }, write: { .integer($0.value) }) }
}

extension CellResource<Min<Int>> {
    /// The smallest of whole numbers.
    public init(_ cell: Cell<Min<Int>>) { self.init(cell, read: { $0.int.map(Min.init) }, write: { .integer($0.value) }) }
}

extension CellResource<Union<String>> {
    /// A set of texts: an array, sorted when it is read.
    public init(_ cell: Cell<Union<String>>) {
        self.init(cell) { json in
            guard let array = json.array, case let texts = array.compactMap(\.string), texts.count == array.count else { return nil }
            return Union(Set(texts))
        } write: { union in
            .array(union.elements.sorted().map { .string($0) })
        }
    }
}

extension CellResource<LastWriter<String>> {
    /// The text written last: `{"value", "time", "writer"}`; the writer may be absent.
    public init(_ cell: Cell<LastWriter<String>>) {
        self.init(cell) { json in
            guard let value = json["value"]?.string, let time = json["time"]?.int else { return nil }
            return LastWriter(value, time: time, writer: json["writer"]?.string ?? "")
        } write: { written in
            .members(["value": .string(written.value), "time": .integer(written.time), "writer": .string(written.writer)])
        }
    }
}
