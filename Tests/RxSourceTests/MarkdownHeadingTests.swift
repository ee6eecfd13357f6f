import Testing

@testable import RxSource

@Suite struct MarkdownHeadingTests {
    @Test(arguments: [
        ("# Title", "Title"), ("\u{FEFF}# Title\r\ntext", "Title"), ("text\n\n## Second level ##\n# First", "Second level"),
        ("#\ttabs\t", "tabs"),
        ("   # indented", "indented"), ("    # code\n# real", "real"), ("#no space\n# real", "real"), ("####### seven\n# real", "real"),
        ("# C# and F#", "C# and F#"), ("#\n# real", "real"), ("# #\n## real", "real"), ("```sh\n# comment\n```\n# real", "real"),
        ("~~~~\n# a\n~~~\n# b\n~~~~\n# real", "real"), ("```\n# never closed", nil), ("---\n# yaml: comment\nname: x\n---\n# real", "real"),
        ("---\n\n# after a rule", "after a rule"), ("Title\n=====\ntext", "Title"), ("Title\n---\n", "Title"), ("\n---\n# real", "real"),
        ("- item\n---\n# real", "real"), ("> quote\n===\n# real", "real"), ("", nil), ("text only", nil), ("# ", nil), ("# ä → b", "ä → b"),
    ]) func `the first heading is found`(_ text: String, _ heading: String?) {
        #expect(firstHeading(ofMarkdown: text) == heading)
    }
}
