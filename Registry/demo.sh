#!/usr/bin/env bash
# A short session with rx in a temporary home: everything it makes is removed at the end.
# Usage: demo.sh PATH_TO_RX
set -euo pipefail

rx=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT

bold= faint= plain=
if [ -t 1 ]; then bold=$'\033[1m' faint=$'\033[2m' plain=$'\033[0m'; fi
say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
run() {
    printf '%s$ rx %s%s\n' "$faint" "$*" "$plain"
    "$rx" "$@"
}

unset RX_REGISTRY RESOURCEX_REGISTRY
export RX_HOME=$work/alice
cd "$here/examples"

say 'Alice stores a skill and a tree of code. Every file becomes a blob named by its SHA-256.'
run add ./code-review
run add ./textkit

say 'She starts a registry of her own on a free port: one program, one folder, nothing to set up.'
"$rx" serve --data "$work/registry" --port 0 >"$work/address" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    url=$(grep -o 'http://[^ ]*' "$work/address" || true)
    if [ -n "$url" ]; then break; fi
    sleep 0.05
done
if [ -z "$url" ]; then cat "$work/log" >&2; exit 1; fi
echo "registry: $url"

say 'She names it, and pushes both.'
run registry add team "$url"
run push code-review
run push python/textkit

say 'Bob, with an empty home, searches it and pulls what he needs. What arrives is checked against its digest.'
export RX_HOME=$work/bob
run registry add team "$url"
run search review
run pull python/textkit
run ingest code-review | head -n 5

say 'He writes the code tree to a folder: the same bytes as Alice has.'
run export "${url#http://}/python/textkit" "$work/textkit"
diff -r --no-dereference -x resource.json -x .rxignore "$here/examples/textkit" "$work/textkit"
echo 'diff -r: no difference'

say 'Alice removes the skill. Nothing is lost until the collection, which deletes only what nothing names.'
export RX_HOME=$work/alice
run remove code-review
run gc --dry-run
run gc
run gc

say 'Stop the registry: it finishes what is in flight, then ends.'
kill -TERM "$server"
wait "$server" && echo 'registry: ended with status 0'
server=

cat <<TEXT

Your turn:
  make install                  # /usr/local/bin/rx
  rx add ./my-skill             # a folder with a SKILL.md, or a resource.json
  rx serve                      # a registry on http://127.0.0.1:3000
  rx push my-skill --registry http://127.0.0.1:3000
  rx --help
TEXT
