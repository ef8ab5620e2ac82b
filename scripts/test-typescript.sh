#!/usr/bin/env bash
# Runs the TypeScript SDK's tests against bin/sojourn and leaves their results in bin/reports: test-typescript.sh NAME.
# With SOJOURN_TEST_WIDE=1 it runs only those of the packed package.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
root=$PWD
xml=$root/bin/reports/$name.xml
rm -f "$xml"
filter=()
if [ -n "${SOJOURN_TEST_WIDE:-}" ]; then
  filter=(test/wide)
  # Bun and Deno, of the versions named there.
  npm --prefix sdk/typescript/test/wide/runtimes install --no-package-lock --silent
fi

code=0
(
  cd sdk/typescript
  SOJOURN_BINARY=$root/bin/sojourn SOJOURN_TEST_JUNIT=$xml npx --no-install vitest run "${filter[@]}"
) || code=$?
python3 scripts/junit-report.py "$xml" "bin/reports/$name.json" sdk/typescript "$code"
exit "$code"
