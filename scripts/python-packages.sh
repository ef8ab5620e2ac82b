#!/usr/bin/env bash
# Makes bin/python/NAME, a Python environment with what scripts/python/NAME.txt lists, unless it is there already, and
# prints the path of its interpreter: scripts/python-packages.sh NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
wanted=scripts/python/$name.txt
venv=bin/python/$name
stamp=$venv/installed
interpreter=$PWD/$venv/bin/python
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cksum "$wanted"; pwd)" ]; then
  echo "$interpreter"
  exit 0
fi

python=${PYTHON:-python3}
if ! "$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "needs Python 3.10 or newer with venv (Debian packages: python3 python3-venv)" >&2
  exit 1
fi
{
  echo "making $venv"
  rm -rf "$venv"
  mkdir -p bin/python
  "$python" -m venv "$venv"
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore "$venv/bin/pip" install -q --no-deps -r "$wanted"
  "$venv/bin/pip" check
} >&2
(cksum "$wanted"; pwd) >"$stamp"
echo "$interpreter"
