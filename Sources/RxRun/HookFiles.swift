/// The hooks that are part of this program.
package enum HookFiles {
    /// Every file.
    package static let all: [HookFile] = []
}
