#!/usr/bin/env bash
# Runs the dashboard's unit tests and leaves their results in bin/reports/dashboard.json.
set -euo pipefail
cd "$(dirname "$0")/.."
xml=$PWD/bin/reports/dashboard.xml
rm -f "$xml"
code=0
(cd dashboard && SOJOURN_TEST_JUNIT=$xml npx --no-install vitest run) || code=$?
python3 scripts/junit-report.py "$xml" bin/reports/dashboard.json dashboard "$code"
exit "$code"
