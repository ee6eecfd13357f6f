import RxModel
import RxTesting
import Testing

@Suite struct `Definitions` {
    @Test(arguments: try vectors("definition")) func `follow the vectors`(_ vector: JSON) throws {
        let name = vector["name"]?.string ?? "?"
        let bytes = try vector["text"]?.string.map { Array($0.utf8) } ?? #require(vector["input"]).canonical
        if let message = vector["error"]?.string {
            let error = #expect(throws: DefinitionError.self, "\(name)") { try Definition(parsing: bytes) }
            #expect(error?.message == message, "\(name)")
            return
        }
        let definition = try Definition(parsing: bytes)
        if let canonical = vector["canonical"]?.string { #expect(definition.json.text == canonical, "\(name)") }
        if let locator = vector["locator"]?.string { #expect(definition.locator.description == locator, "\(name)") }
    }

    @Test(arguments: try vectors("json")) func `are written and read as the JSON vectors say`(_ vector: JSON) throws {
        let name = vector["name"]?.string ?? "?"
        let bytes: [UInt8]
        if let hex = vector["hex"]?.string {
            bytes = stride(from: 0, to: hex.utf8.count, by: 2).map { UInt8(hex.dropFirst($0).prefix(2), radix: 16)! }
        } else {
            bytes = Array(try #require(vector["text"]?.string ?? vector["input"]?.string).utf8)
        }
        if let reason = vector["error"]?.string {
            let error = #expect(throws: JSONError.self, "\(name)") { try JSON(parsing: bytes) }
            #expect(error?.description == reason || error?.reason == reason, "\(name): \(String(describing: error))")
            return
        }
        let value = try JSON(parsing: bytes)
        #expect(value.text == vector["canonical"]?.string, "\(name)")
        #expect(try JSON(parsing: value.canonical) == value)
        #expect(try JSON(parsing: value.pretty) == value)
    }
}
