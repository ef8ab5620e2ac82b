#!/usr/bin/env bash
# Runs every fuzz target of the module for a given time: scripts/fuzz.sh [TIME], 10s unless told.
# The seeds of each target run in ordinary tests too; this looks for inputs nobody wrote down.
# A crashing input is left in the package's testdata/fuzz: commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-10s}

targets=$(grep -rEoH --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' . | sed -E 's#/[^/]*_test\.go:func #/ #; s#\($##' | sort -u)
if [ -z "$targets" ]; then
  echo 'no fuzz targets found' >&2
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0
while read -r dir name; do
  echo "fuzz $dir$name for $time"
  if go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$dir" </dev/null >"$log" 2>&1; then
    tail -n 2 "$log"
    passed=$((passed + 1))
  elif grep -q 'context deadline exceeded' "$log" && ! grep -qE 'Failing input written|panic:|build failed' "$log"; then
    # The fuzzing engine sometimes reports its own deadline as a failure when the time ends in mid-input; there is no input to blame.
    echo '  time was up in the middle of an input, which is no finding'
    passed=$((passed + 1))
  else
    cat "$log"
    failed=$((failed + 1))
  fi
done <<<"$targets"

echo "fuzz targets: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
