#!/usr/bin/env bash
# Fails when `go generate` would change any file, and names the files.
# Compares contents before and after, so it works with uncommitted changes; what it regenerated stays.
set -euo pipefail
cd "$(dirname "$0")/.."

fingerprints() {
  git ls-files --cached --others --exclude-standard -z |
    while IFS= read -r -d '' file; do
      if [ -f "$file" ]; then printf '%s  %s\n' "$(git hash-object --no-filters "$file")" "$file"; fi
    done | sort -k 2
}

before=$(fingerprints)
go generate ./...
after=$(fingerprints)

if [ "$before" != "$after" ]; then
  echo 'Generated files are out of date. They have been written again; commit them:' >&2
  diff <(printf '%s\n' "$before") <(printf '%s\n' "$after") | awk '/^[<>]/ { print "  " $3 }' | sort -u >&2
  exit 1
fi
