#!/usr/bin/env bash
# Writes the TypeScript SDK's types from spec/openapi.json again, where its packages are installed (make generate
# installs them). Elsewhere it says so and changes nothing; make verify finds what was forgotten.
set -euo pipefail
cd "$(dirname "$0")/../sdk/typescript"
if [ -d node_modules ]; then
  node scripts/generate.mjs
else
  echo 'the types of sdk/typescript were not generated: npm ci has not run there' >&2
fi
