#!/usr/bin/env bash
# Installs what the wide tests need beyond Go, only where it is missing and only where it can
# (Debian or Ubuntu, as root or with password-free sudo), and says what it could not install.
# Exit code 1 means something is still missing and this is CI; elsewhere the tests that need it say so themselves.
set -euo pipefail
PATH=$PATH:/usr/sbin # where some of it lies

# command or file · Debian package · what needs it
needs=(
  'gcc|gcc libc6-dev|the race detector'
  'strace|strace|the tests that watch what the server syncs to disk'
  'chromium|chromium|the tests of the dashboard and of the TypeScript client in a browser'
  'pgbouncer|pgbouncer|the tests of the PostgreSQL store behind a pooler'
)
# Mounting as root goes straight through /dev/fuse; anyone else needs the helper program.
if [ "$(id -u)" -ne 0 ]; then
  needs+=('fusermount3|fuse3|the power-cut tests, which mount a file system')
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo -n); fi

can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}

packages=()
for need in "${needs[@]}"; do
  IFS='|' read -r command package _ <<<"$need"
  if ! command -v "$command" >/dev/null; then
    read -ra names <<<"$package"
    packages+=("${names[@]}")
  fi
done

if [ "${#packages[@]}" -gt 0 ] && can_install; then
  echo "installing ${packages[*]}"
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update -q &&
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -q -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
  fi
  rm -f "$log"
fi

if [ ! -e /dev/fuse ] && [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ]; then
  modprobe fuse 2>/dev/null || true
  # A container has no udev to make the node once the module is there.
  [ -e /dev/fuse ] || [ "${CI:-}" != true ] || mknod -m 600 /dev/fuse c 10 229 2>/dev/null || true
fi

# The S3 server that the tests of files write to. It is built once, from a fixed version.
s3=bin/tools/versitygw
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -x "$s3" ] && ! command -v versitygw >/dev/null; then
  echo 'building versitygw'
  mkdir -p bin/tools
  GOBIN="$PWD/bin/tools" CGO_ENABLED=0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2>/dev/null || true
fi

# The PostgreSQL servers.
missing=0
./scripts/install-postgres.sh || missing=1

if [ ! -x "$s3" ] && ! command -v versitygw >/dev/null; then
  echo 'missing: versitygw (go install github.com/versity/versitygw/cmd/versitygw@v1.8.0), needed by the tests of files on S3' >&2
  missing=1
fi
for need in "${needs[@]}"; do
  IFS='|' read -r command package reason <<<"$need"
  if ! command -v "$command" >/dev/null; then
    echo "missing: $command (Debian package: $package), needed by $reason" >&2
    missing=1
  fi
done
if [ "$(uname -s)" = Linux ] && [ ! -e /dev/fuse ]; then
  echo 'missing: /dev/fuse (kernel module fuse), needed by the power-cut tests, which mount a file system' >&2
  missing=1
fi
if [ "$missing" -ne 0 ] && [ "${CI:-}" = true ]; then exit 1; fi
