#!/usr/bin/env bash
# Writes the types of the TypeScript SDK and of the dashboard from spec/openapi.json again, where their packages are
# installed (make generate installs them). Elsewhere it says so and changes nothing; make verify finds what was forgotten.
set -euo pipefail
cd "$(dirname "$0")/.."
for package in sdk/typescript dashboard; do
  if [ -d "$package/node_modules" ]; then
    (cd "$package" && node scripts/generate.mjs)
  else
    echo "the types of $package were not generated: npm ci has not run there" >&2
  fi
done
