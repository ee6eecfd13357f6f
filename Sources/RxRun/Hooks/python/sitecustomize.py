"""Runs at the start of every Python beneath `rx run`: what is missing is asked for at rx. A program that misses nothing pays for these lines alone."""

import sys
from os import environ

# Left to others: modules of Python itself (one that is not on this platform is nobody else's), what its library tries for the sake of
# other Pythons and systems, and what `site` tries at each start.
_OWN = {"sitecustomize", "usercustomize", "rx_hooks", "org", "java", "vms_lib", "_winreg"}.union(
    getattr(sys, "stdlib_module_names", ("nt", "winreg", "msvcrt", "_winapi", "_overlapped", "_scproxy")))


class MissingModules:
    """The last finder: what nobody else has is asked for at rx."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is not None or name in _OWN or "." in name:
            return None
        from rx_hooks.finder import find

        return find(name, target)

    @staticmethod
    def invalidate_caches():
        pass


def _view(path):
    """The hook of `sys.path_hooks` for folders whose files are there as far as they were asked for."""
    if not path.startswith(_VIEWS):
        raise ImportError
    from rx_hooks import files
    from rx_hooks.view import FolderFinder

    files.watch()
    return FolderFinder(path)


def _install(folder):
    # Nothing but sitecustomize is found in the hooks' folder, so that a program sees the search path that it sees without rx.
    sys.path[:] = [entry for entry in sys.path if entry.rstrip("/") != folder]
    if "rx_hooks" in sys.modules:
        # Those of another `rx run` are there: what is missing is asked for once.
        return False
    hooks = type(sys)("rx_hooks", "What `rx run` adds to Python.")
    hooks.__path__ = [folder + "/rx_hooks"]
    sys.modules["rx_hooks"] = hooks
    sys.path_hooks.insert(0, _view)
    return True


def _run_next():
    """Runs the sitecustomize that Python would have run without rx."""
    import _frozen_importlib as bootstrap
    import _frozen_importlib_external as external

    spec = external.PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        module = bootstrap.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


if not hasattr(sys, "addaudithook") or sys.version_info < (3, 8):
    # An interpreter that is too old is left alone; its own sitecustomize runs.
    sys.path[:] = [entry for entry in sys.path if entry.rstrip("/") != __file__.rpartition("/")[0]]
    _this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize
    except ImportError:
        pass
    sys.modules.setdefault("sitecustomize", _this)
elif environ.get("RX_LOADER") and environ.get("RX_LOADER_VIEWS"):
    _VIEWS = environ["RX_LOADER_VIEWS"].rstrip("/") + "/"
    _is_first = _install(__file__.rpartition("/")[0])
    try:
        _run_next()
    finally:
        if _is_first:
            # Behind all that the environment itself puts there; nothing that starts up is asked for.
            sys.meta_path.append(MissingModules)
