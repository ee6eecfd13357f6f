#!/usr/bin/env python3
"""Writes the resources of the programs beside this file: `make_packages.py FOLDER` makes 30 Python packages and 30 Node packages."""

import json
import os
import sys

COUNT = 30


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def define(folder, name, provides=None):
    path, _, name = name.rpartition("/")
    definition = {"name": name, "type": "module", "tag": "1.0.0", "description": "For the tests of rx run", **({"path": path} if path else {})}
    write(os.path.join(folder, "resource.json"), json.dumps({**definition, **({"provides": provides} if provides else {})}))


def python_package(folder, number):
    """Every sixth is a single module, every sixth lies in `src`, every fifth has another resource's name; each package needs the one before it.
    What lies beside a single module is named, too."""
    module = f"lazy{number:02}"
    before = f"import lazy{number - 1:02}\n" if number % 3 == 2 else ""
    name = f"tools-{number:02}" if number % 5 == 0 else module
    own = [module, "_" + module] if number % 6 == 1 else [module]
    define(folder, name, {"python": own} if number % 5 == 0 or number % 6 == 1 else None)
    root = os.path.join(folder, "src") if number % 6 == 3 else folder
    if number % 6 == 1:
        write(f"{root}/{module}.py", f"{before}import _{module}\nNUMBER = {number}\ndef total():\n    return NUMBER + _{module}.MORE\n")
        write(f"{root}/_{module}.py", "MORE = 1000\n")
    else:
        write(
            f"{root}/{module}/__init__.py",
            f"{before}from .inner import deep\nfrom . import part\nNUMBER = {number}\ndef total():\n    return NUMBER + part.MORE + deep.MORE\n")
        write(f"{root}/{module}/part.py", "MORE = 400\n")
        write(f"{root}/{module}/inner/__init__.py", "")
        write(f"{root}/{module}/inner/deep.py", "MORE = 600\n")
        write(f"{root}/{module}/later.py", f"LATER = {number}\ndef square(value):\n    return value * value\n")
        write(f"{root}/{module}/unused.py", "raise RuntimeError('nobody imports this')\n")
        write(f"{root}/{module}/data.txt", f"data of {number}\n")
        write(f"{root}/{module}/tables/one.txt", f"table of {number}\n")
        write(f"{root}/{module}/tables/two.txt", f"another of {number}\n")
    write(f"{folder}/README.md", "Not needed at run time\n")


def node_package(folder, number):
    """In turns CommonJS with `main`, CommonJS by its index, ESM with `exports`, and both with conditions; every second has a scope."""
    name = f"@lazy/n{number:02}" if number % 2 else f"lazy-n{number:02}"
    # The resource of the same name is found without being told; the others say what they provide.
    define(folder, name.lstrip("@") if number % 5 else f"node-tools-{number:02}", None if number % 5 else {"node": [name]})
    kind = number % 4
    package = {"name": name, "version": "1.0.0"}
    write(f"{folder}/data/words.txt", f"words of {number}\n")
    write(f"{folder}/unused.js", "throw new Error('nobody loads this');\n")
    if kind == 0:
        package["main"] = "./lib/main"
        write(f"{folder}/lib/main.js", f"exports.number = {number} + require('./help').more + require('../data.json').more;\n"
              "exports.words = require('node:fs').readFileSync(require('node:path').join(__dirname, '../data/words.txt'), 'utf8');\n")
        write(f"{folder}/lib/help/index.js", "exports.more = 400;\n")
        write(f"{folder}/data.json", '{"more": 600}\n')
    elif kind == 1:
        before = f"lazy-n{number - 1:02}"
        write(f"{folder}/index.js", f"exports.number = {number} + require('./help').more;\nexports.before = require('{before}').number;\n"
              "exports.words = require('node:fs').readFileSync(__dirname + '/data/words.txt', 'utf8');\n")
        write(f"{folder}/help.js", "exports.more = 1000;\n")
    elif kind == 2:
        package.update(type="module", exports={".": "./src/main.js", "./sub/*": "./src/sub-*.js", "./words": "./src/words.js"})
        write(f"{folder}/src/main.js", f"import {{ more }} from './help.js';\nexport const number = {number} + more;\n"
              "export const later = () => import('./later.js');\nexport const here = import.meta.url;\nexport { words } from '#words';\n")
        package["imports"] = {"#words": "./src/words.js"}
        write(f"{folder}/src/help.js", "export const more = 1000;\n")
        write(f"{folder}/src/later.js", f"export const later = {number};\n")
        write(f"{folder}/src/sub-one.js", "export const sub = 'one';\n")
        write(f"{folder}/src/words.js", "import { readFileSync } from 'node:fs';\n"
              "export const words = readFileSync(new URL('../data/words.txt', import.meta.url), 'utf8');\n")
    else:
        package["exports"] = {".": {"import": "./esm/main.mjs", "require": "./cjs/main.cjs"}, "./package.json": "./package.json"}
        words = "readFileSync({}, 'utf8')"
        write(f"{folder}/esm/main.mjs", f"import {{ readFileSync }} from 'node:fs';\nexport const number = {number} + 1000;\nexport const kind = 'import';\n"
              f"export const words = {words.format('new URL(`../data/words.txt`, import.meta.url)')};\n")
        write(f"{folder}/cjs/main.cjs", f"exports.number = {number} + 1000;\nexports.kind = 'require';\n"
              f"exports.words = require('node:fs').{words.format('`${__dirname}/../data/words.txt`')};\n")
    if kind != 1 or number % 8 == 5:
        write(f"{folder}/package.json", json.dumps(package))
    write(f"{folder}/README.md", "Not needed at run time\n")


def main(folder):
    for number in range(COUNT):
        python_package(os.path.join(folder, f"python{number:02}"), number)
        node_package(os.path.join(folder, f"node{number:02}"), number)


main(sys.argv[1])
