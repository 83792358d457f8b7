#!/usr/bin/env bash
# Saves an embedded ledger while the gateway runs on it.
#
#   ops/backup/backup-sqlite.sh [DATABASE [FOLDER]]      default: data/app.db backups
#
# Needs the sqlite3 program. KEEP_DAYS as in backup.sh. A copy made with cp would miss what is still in app.db-wal.
set -euo pipefail
database=${1:-data/app.db}
folder=${2:-backups}
[ -s "$database" ] || { echo "there is no database $database" >&2; exit 1; }
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p "$folder"
umask 077
file=$folder/app-$(date -u +%Y%m%dT%H%M%SZ).db
trap 'rm -f "$file.part"' EXIT
rm -f "$file.part"
sqlite3 "$database" ".timeout 10000" "vacuum into '$file.part'"
[ "$(sqlite3 "$file.part" 'pragma quick_check')" = ok ] || { echo "the copy is damaged" >&2; exit 1; }
mv "$file.part" "$file"
expire "$folder" 'app-*.db'
echo "$file ($(du -h "$file" | cut -f1))"
