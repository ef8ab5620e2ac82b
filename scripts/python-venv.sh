#!/usr/bin/env bash
# Makes bin/venv: Python with what sdk/python needs to be developed and tested, and the SDK itself from the checkout.
# Does nothing when that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=bin/venv
stamp=$venv/installed
wanted=$(cat scripts/python-venv.sh sdk/python/requirements-dev.txt sdk/python/pyproject.toml | cksum; pwd)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

python=${PYTHON:-python3}
if ! "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "needs Python 3.10 or newer with venv (Debian packages: python3 python3-venv), found: $("$python" --version 2>&1)" >&2
  exit 1
fi
echo "making $venv"
rm -rf "$venv"
mkdir -p bin
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
"$venv/bin/pip" install -q -r sdk/python/requirements-dev.txt
"$venv/bin/pip" install -q --no-deps --no-build-isolation -e sdk/python
printf '%s\n' "$wanted" >"$stamp"
