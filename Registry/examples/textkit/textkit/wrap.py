"""Breaking lines."""
import re
import textwrap

_ITEM = re.compile(r"^(\s*(?:[-*+]|\d+[.)])\s+)")


def wrap(text, width=72):
    """Breaks paragraphs and list items to `width`; blank lines and lines indented by four spaces stay as they are."""
    if width < 10:
        raise ValueError("width must be at least 10")
    out, block, prefix = [], [], ""

    def flush():
        if block:
            out.append(textwrap.fill(" ".join(block), width, initial_indent=prefix, subsequent_indent=" " * len(prefix), break_long_words=False, break_on_hyphens=False))
            block.clear()

    for line in text.splitlines():
        item = _ITEM.match(line)
        if not line.strip():
            flush()
            out.append("")
            prefix = ""
        elif item:
            flush()
            prefix = item.group(1)
            block.append(line[item.end():].strip())
        elif line.startswith("    ") and not block:
            out.append(line)
        else:
            if not block:
                prefix = ""
            block.append(line.strip())
    flush()
    return "\n".join(out)
