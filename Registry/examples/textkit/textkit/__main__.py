"""The command line: python3 -m textkit COMMAND [FILE]."""
import argparse
import json
import sys
from dataclasses import asdict

from . import __version__, keywords, slug, stats, wrap


def read(path):
    """The text of a file, or of standard input for `-`."""
    if path == "-":
        return sys.stdin.buffer.read().decode("utf-8")
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def parser():
    top = argparse.ArgumentParser(prog="textkit", description="Small tools for plain text.")
    top.add_argument("--version", action="version", version="textkit " + __version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("stats", help="count characters, words, sentences and paragraphs")
    command.add_argument("file", nargs="?", default="-")
    command.add_argument("--json", action="store_true", help="print JSON")

    command = commands.add_parser("keywords", help="list the words that stand out")
    command.add_argument("file", nargs="?", default="-")
    command.add_argument("--count", type=int, default=10, help="how many (default 10)")

    command = commands.add_parser("slug", help="make a text fit for a file name or URL")
    command.add_argument("text")
    command.add_argument("--limit", type=int, default=80, help="at most this many characters (default 80)")

    command = commands.add_parser("wrap", help="break lines, keeping paragraphs and list items")
    command.add_argument("file", nargs="?", default="-")
    command.add_argument("--width", type=int, default=72, help="characters in a line (default 72)")
    return top


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        if options.command == "stats":
            found = asdict(stats(read(options.file)))
            if options.json:
                print(json.dumps(found, indent=2))
            else:
                for name, value in found.items():
                    print("{:<16}{}".format(name.replace("_", " "), value))
        elif options.command == "keywords":
            for word, count in keywords(read(options.file), options.count):
                print("{:>5}  {}".format(count, word))
        elif options.command == "slug":
            print(slug(options.text, options.limit))
        else:
            print(wrap(read(options.file), options.width))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print("textkit: {}".format(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
