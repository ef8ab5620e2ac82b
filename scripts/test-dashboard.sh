#!/usr/bin/env bash
# Runs tests of the dashboard's front end and leaves their results in bin/reports: test-dashboard.sh NAME [OPTION ...].
# The options are vitest's; with `--config vitest.browser.config.ts` they run in Chromium against bin/sojourn.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
root=$PWD
xml=$root/bin/reports/$name.xml
rm -f "$xml"
code=0
(cd dashboard && SOJOURN_BINARY=$root/bin/sojourn SOJOURN_TEST_JUNIT=$xml npx --no-install vitest run "$@") || code=$?
python3 scripts/junit-report.py "$xml" "bin/reports/$name.json" dashboard "$code"
exit "$code"
