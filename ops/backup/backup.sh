#!/usr/bin/env bash
# Saves the ledger of docker-compose's PostgreSQL while it runs.
#
#   ops/backup/backup.sh [FOLDER]         default: ./backups
#
# COMPOSE      how compose is called, default docker-compose, or docker compose where only that is there
# KEEP_DAYS    older files of this script in FOLDER go, default 30; 0 keeps all
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=${1:-backups}
source ops/backup/lib.sh

mkdir -p "$folder"
umask 077
file=$folder/orderdesk-$(date -u +%Y%m%dT%H%M%SZ).dump
# Whole or not at all: a dump that broke off must not look like one.
trap 'rm -f "$file.part"' EXIT
in_postgres pg_dump -U orderdesk -d orderdesk --format=custom --compress=6 >"$file.part"
in_postgres pg_restore --list <"$file.part" >/dev/null
mv "$file.part" "$file"
expire "$folder" 'orderdesk-*.dump'
echo "$file ($(du -h "$file" | cut -f1))"
