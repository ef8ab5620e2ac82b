#!/usr/bin/env bash
# What `make demo` shows: a server on an empty folder, real documents going through durable workflows with live
# progress, what came out, and a clean stop. Ends with another code than 0 when anything of it fails.
set -euo pipefail
cd "$(dirname "$0")/.."
exec 2>&1 # progress and results in one order, wherever they go
program=${SOJOURN:-bin/sojourn}
# Settings of the caller's own server must not reach this one.
for name in $(compgen -e SOJOURN || true); do unset "$name"; done

bold='' faint='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
  bold=$'\e[1m' faint=$'\e[2m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }
# run shows a command as one would type it, and runs it against the demo's server.
run() {
  printf '%s$ sojourn %s%s\n' "$faint" "$*" "$plain" >&2 # apart from the output, which may be kept
  "$program" --data "$data" "$@"
}

data=$(mktemp -d "${TMPDIR:-/tmp}/sojourn-demo-XXXXXX")
server=''
finish() {
  code=$?
  trap - EXIT INT TERM
  if [[ -n $server ]] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server" && wait "$server" || code=1
  fi
  if ((code != 0)); then
    printf '\nThe demo failed (%d). The server said:\n' "$code" >&2
    cat "$data/server.log" >&2 || true
  fi
  rm -rf "$data"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say 'A server with a worker, on an empty folder:'
"$program" dev --listen 127.0.0.1:0 --data "$data" >"$data/welcome" 2>"$data/server.log" &
server=$!
for ((i = 0; i < 300; i++)); do
  if grep -qs 'is ready at' "$data/welcome"; then break; fi
  kill -0 "$server" 2>/dev/null || { wait "$server" || true; server=''; echo 'the server did not start' >&2; exit 1; }
  sleep 0.05
done
grep 'is ready at' "$data/welcome"

say 'An American invoice, printed to PDF by a browser. Each step is recorded when it is done:'
run run extract-invoice -f path=examples/invoices/browser-us.pdf >"$data/invoice.json"
echo
cat "$data/invoice.json"

say 'A French one, from an office program:'
run run extract-invoice -f path=examples/invoices/office-fr.pdf >"$data/facture.json"
echo
grep -E '^  "(number|date|due_date|currency|language)"|^    "(net|tax_amount|gross|prepaid|due)"' "$data/facture.json"

say 'A summary of the 100,000 words of Newton'\''s Opticks:'
run run summarize -F text=@examples/texts/newton-opticks.txt >"$data/summary.json"
echo
sed -n 's/^  "text": "\(.*\)",\{0,1\}$/\1/p' "$data/summary.json" | sed 's/\\"/"/g' | fold -s -w 96
grep -q '^  "text": "' "$data/summary.json"

say 'What has run, and one that nobody serves:'
run -q execution start queued >/dev/null
run execution list

say 'The server stops when it is asked to:'
kill -TERM "$server"
wait "$server"
server=''
cat "$data/server.log"
