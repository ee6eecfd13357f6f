/// The hooks that are part of this program.
package enum HookFiles {
    /// Every file.
    package static let all: [HookFile] = [
        HookFile(path: "python/sitecustomize.py", bytes: PackageResources.sitecustomize_py),
        HookFile(path: "python/rx_hooks/entries.py", bytes: PackageResources.entries_py),
        HookFile(path: "python/rx_hooks/files.py", bytes: PackageResources.files_py),
        HookFile(path: "python/rx_hooks/finder.py", bytes: PackageResources.finder_py),
        HookFile(path: "python/rx_hooks/host.py", bytes: PackageResources.host_py),
        HookFile(path: "python/rx_hooks/resources.py", bytes: PackageResources.resources_py),
        HookFile(path: "python/rx_hooks/uses.py", bytes: PackageResources.uses_py),
        HookFile(path: "python/rx_hooks/view.py", bytes: PackageResources.view_py),
        HookFile(path: "node/channel.cjs", bytes: PackageResources.channel_cjs),
        HookFile(path: "node/data.cjs", bytes: PackageResources.data_cjs),
        HookFile(path: "node/host.cjs", bytes: PackageResources.host_cjs),
        HookFile(path: "node/imports.mjs", bytes: PackageResources.imports_mjs),
        HookFile(path: "node/missing.cjs", bytes: PackageResources.missing_cjs),
        HookFile(path: "node/programs.cjs", bytes: PackageResources.programs_cjs),
        HookFile(path: "node/register.cjs", bytes: PackageResources.register_cjs),
        HookFile(path: "node/views.cjs", bytes: PackageResources.views_cjs),
    ]
}
