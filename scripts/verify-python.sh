#!/usr/bin/env bash
# Checks sdk/python without running its tests: lint, format, that the synchronous client is what unasyncd makes of the
# asynchronous one, and types. Changes nothing but derived files that are out of date, which it then names.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/python-venv.sh
PATH=$PWD/bin/venv/bin:$PATH
cd sdk/python
ruff check -q .
ruff format -q --check .

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -r src/sojourn/_sync/. "$before"
# Left to itself it overlooks what its cache knows, and files whose docstrings alone have changed.
for file in src/sojourn/_sync/_*.py; do
  case $file in */__init__.py | */_io.py) ;; *) rm "$file" ;; esac
done
unasyncd -q 2>/dev/null || true # its code says whether it wrote anything
if ! diff -rq -x __pycache__ "$before" src/sojourn/_sync; then
  echo 'sdk/python/src/sojourn/_sync was out of date. It has been written again; commit it.' >&2
  exit 1
fi

pyright --warnings
mypy examples
