import Foundation
import RxPosix
import RxTesting
import Testing

@Suite struct `What a program sees of a resource in Python` {
    let bench: RunBench

    /// With a module of many files, some of them symlinks.
    init() throws {
        bench = try RunBench()
        let letters = Dictionary(uniqueKeysWithValues: "abcdef".map { ("linked/data/\($0).txt", "\($0)\n") })
        let more = [
            "linked/__init__.py": "import os\nHERE = os.path.dirname(__file__)\n", "linked/pkg/__init__.py": "",
            "linked/pkg/mod.py": "M = 'right'\n",
            "linked/data/deep/b.txt": "deep\n", "linked/NOTES": "notes", "linked/one.py": "N = 1\n", "linked/two.py": "N = 2\n",
        ]
        try bench.put("linked", "1", "", letters.merging(more) { $1 }, links: ["linked/alias": "pkg", "linked/f": "data/f.txt"])
    }

    @Test func `comes whatever a program does with descriptors, and sets for its own sockets`() throws {
        let ended = try bench.python(
            ["--allow", "linked"],
            """
            import os, signal, socket, linked
            signal.alarm(60)
            os.closerange(3, 100)
            ends = [end for _ in range(8) for end in socket.socketpair()]
            import linked.one
            for end in ends:
                end.setblocking(False)
                try:
                    print('got', end.recv(100))
                except BlockingIOError:
                    pass
            for end in ends: end.close()
            print(linked.one.N, flush=True)
            os.closerange(3, 100)
            numbers = [os.open(__file__, os.O_RDONLY) for _ in range(64)]
            if os.fork() == 0:
                for number in numbers: os.fstat(number)
                print('forked', flush=True)
                os._exit(0)
            os.wait()
            os.closerange(3, 100)
            print(open(linked.HERE + '/data/a.txt').read(), end='')
            os.closerange(3, 100)
            socket.setdefaulttimeout(0)
            import linked.two
            print(linked.two.N)
            """)
        #expect(ended.text == "1\nforked\na\n2\n", "\(ended.error)")
    }

    @Test func `is there for whoever looks at it, also by functions that were kept before`() throws {
        let ended = try bench.python(
            ["--allow", "linked"],
            """
            import glob, os, pathlib, tarfile
            if not hasattr(pathlib, '_NormalAccessor'):
                class Keeper:
                    # As pathlib does up to Python 3.10.
                    stat, lstat, listdir, scandir = os.stat, os.lstat, os.listdir, os.scandir
                pathlib._NormalAccessor = Keeper
            kept = pathlib._NormalAccessor()
            from linked import HERE
            def inside(paths): return sorted(path[len(HERE):] for path in paths)
            def pack():
                with tarfile.open('all.tar', 'w') as file: file.add(HERE, 'all')
                with tarfile.open('all.tar') as file: return sorted(each.name for each in file if '.pyc' not in each.name)[-4:]
            for step in (
                lambda: ((pathlib.Path(HERE) / 'data' / 'a.txt').exists(), kept.stat(HERE + '/data/b.txt').st_size),
                lambda: len(kept.listdir(HERE + '/data')),
                lambda: inside(map(str, pathlib.Path(HERE).glob('d*/c.txt'))),
                lambda: inside(glob.glob(HERE + '/d*/d.txt')),
                lambda: inside(glob.glob(HERE + '/**/b.txt', recursive=True)),
                lambda: (os.access(HERE + '/data/e.txt', os.R_OK), os.access(HERE + '/data/none', os.R_OK)),
                lambda: (os.lstat(HERE + '/one.py').st_size, os.path.lexists(HERE + '/none'), os.path.islink(HERE + '/f')),
                lambda: os.readlink(HERE + '/alias'),
                pack,
            ):
                try:
                    print(step())
                except OSError as error:
                    print(error)
            """)
        #expect(
            ended.text == """
                (True, 2)
                7
                ['/data/c.txt']
                ['/data/d.txt']
                ['/data/b.txt', '/data/deep/b.txt']
                (True, False)
                (6, False, True)
                pkg
                ['all/pkg', 'all/pkg/__init__.py', 'all/pkg/mod.py', 'all/two.py']

                """, "\(ended.error)")
    }

    @Test func `has the modules that a folder of its files would have, also where the cache is elsewhere`() throws {
        let user = try User(["RX_REGISTRY": bench.registry.url])
        try Files.makeFolders("\(bench.work.path)/elsewhere")
        try Files.makeSymlink("\(user.home.path)/cache", to: "\(bench.work.path)/elsewhere")
        let text = """
            import importlib, importlib.machinery, os, pkgutil, subprocess, sys, linked
            from rx_hooks import view
            def get(name):
                try:
                    return importlib.import_module(name)
                except ModuleNotFoundError as error:
                    return str(error).split(' (')[0]
            print([(each.name, each.ispkg) for each in pkgutil.iter_modules(linked.__path__)])
            print(get('linked.NOTES'), get('linked.f'), get('linked.alias.mod').M, open(linked.HERE + '/f').read().strip())
            print('NOTES' in subprocess.run(['ls', linked.HERE], stdout=subprocess.PIPE).stdout.decode().split())
            print(importlib.machinery.PathFinder.find_spec('linked') == linked.__spec__, get(chr(0xDCFF)).endswith(chr(92) + "udcff'"))
            unread = view.View(view.VIEWS + '0' * 64)
            print(sorted(unread.folders), end=' ')
            with open(unread.root + '.files', 'w') as file: file.write('a/b' + chr(0) * 2)
            print(sorted(unread.folders))
            os.remove(unread.root + '.files')
            missing, finders = sys.meta_path[-1], sys.meta_path[:]
            sys.meta_path.clear()
            try:
                found = missing.find_spec('nobody_has_this')
            finally:
                sys.meta_path[:] = finders
            class Nothing:
                find_spec = staticmethod(lambda name, path=None, target=None: None)
            sys.meta_path += [missing, Nothing]
            print(found, get('nobody_has_that'))
            """
        for other in [user, bench.user] {
            let ended = try bench.python(["--allow", "linked"], text, other)
            #expect(
                ended.text == """
                    [('alias', True), ('one', False), ('pkg', True), ('two', False)]
                    No module named 'linked.NOTES' No module named 'linked.f' right f
                    False
                    True True
                    [''] ['', 'a']
                    None No module named 'nobody_has_that'

                    """, "\(ended.error)")
        }
    }
}
