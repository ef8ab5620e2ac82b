#!/usr/bin/env bash
# Runs the tests of sdk/python against the server in bin/sojourn: scripts/test-python.sh [PYTEST ARGUMENTS].
# With WHEEL=1 not the checkout is tested but the wheel made of it, installed in an empty environment, of WHEEL_PYTHON.
# Results end up in bin/reports/python*.json, as those of go test do.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/python-venv.sh
root=$PWD
python=$root/bin/venv/bin/python
name=python
export SOJOURN_TEST_BINARY=${SOJOURN_TEST_BINARY:-$root/bin/sojourn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tests=$root/sdk/python
if [ -n "${WHEEL:-}" ]; then
  name=python-wheel
  "$python" -m build --wheel --no-isolation -o "$work/dist" sdk/python >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
  "${WHEEL_PYTHON:-python3}" -m venv "$work/venv"
  export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
  "$work/venv/bin/pip" install -q "$work"/dist/*.whl
  # The SDK must work with what it says it needs; only then comes what the tests need.
  "$work/venv/bin/python" -c 'import sojourn, sojourn.human, sojourn.eigenpal'
  grep -E '^(pytest|pytest-asyncio|standardwebhooks|rich|tqdm|anyio)==' sdk/python/requirements-dev.txt >"$work/requirements.txt"
  "$work/venv/bin/pip" install -q -r "$work/requirements.txt"
  python=$work/venv/bin/python
  tests=$work/project
  mkdir "$tests"
  cp -r sdk/python/tests sdk/python/examples sdk/python/pyproject.toml "$tests"
fi

mkdir -p bin/reports
code=0
(cd "$tests" && SOJOURN_TEST_ROOT=$root timeout --kill-after=10s "${PYTHON_TIMEOUT:-10m}" \
  "$python" -m pytest -q -p no:cacheprovider --junitxml="$work/junit.xml" "$@") || code=$?
./scripts/junit-report.py "$work/junit.xml" "bin/reports/$name.json" "sdk/$name" "$code"
exit "$code"
