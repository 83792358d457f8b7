#!/usr/bin/env bash
# Puts a file of backup-sqlite.sh in the place of an embedded ledger and makes it fit for use.
#
#   ops/backup/restore-sqlite.sh FILE [DATABASE]         default: data/app.db
#
# The gateway must be stopped; a running one is noticed. GATEWAY says how the program is called, default
# orderdesk-gateway; its configuration (MCP_KMS_KEY, PARTITIONS) must be the service's.
set -euo pipefail
[ $# -ge 1 ] && [ -s "$1" ] || { echo "usage: ops/backup/restore-sqlite.sh FILE [DATABASE]" >&2; exit 2; }
file=$1
database=${2:-data/app.db}
gateway=${GATEWAY:-orderdesk-gateway}
folder=$(dirname "$database")
mkdir -p "$folder"

# The lock that a running gateway holds on its folder.
lock=$folder/gateway.lock
if [ -e "$lock" ] && ! flock --nonblock "$lock" true; then
  echo "a gateway runs on $folder; stop it first" >&2
  exit 1
fi
if [ -e "$database" ]; then
  before=$database.before-restore-$(date -u +%Y%m%dT%H%M%SZ)
  for ending in "" -wal -shm; do
    [ ! -e "$database$ending" ] || mv "$database$ending" "$before$ending"
  done
  echo "what was there before: $before"
fi
cp "$file" "$database"
DATABASE_URL="sqlite:///$(realpath "$database")" $gateway migrate --restored
