#!/usr/bin/env bash
# Puts a file of backup.sh in the place of docker-compose's ledger and makes it fit for use.
#
#   ops/backup/restore.sh FILE
#
# Services that write must be stopped. What is in the database before is saved beside FILE first.
# COMPOSE as in backup.sh.
set -euo pipefail
[ $# -eq 1 ] && [ -s "$1" ] || { echo "usage: ops/backup/restore.sh FILE" >&2; exit 2; }
file=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source ops/backup/lib.sh

if compose ps -q api worker | xargs -r docker inspect --format '{{.State.Running}}' | grep -q true; then
  echo "api or worker runs; first: docker-compose stop proxy api worker" >&2
  exit 1
fi
compose up -d postgres
for _ in $(seq 60); do
  in_postgres pg_isready -q -h 127.0.0.1 -U orderdesk -d orderdesk && break
  sleep 1
done
in_postgres pg_restore --list <"$file" >/dev/null

before=$(dirname "$file")/before-restore-$(date -u +%Y%m%dT%H%M%SZ).dump
(umask 077; in_postgres pg_dump -U orderdesk -d orderdesk --format=custom >"$before")
echo "what was there before: $before"

in_postgres psql -q -v ON_ERROR_STOP=1 -U orderdesk -d postgres \
  -c 'drop database orderdesk with (force)' -c 'create database orderdesk'
in_postgres pg_restore -U orderdesk -d orderdesk --exit-on-error --single-transaction --no-owner <"$file"
in_postgres psql -q -U orderdesk -d orderdesk -c analyze
compose run --rm --no-deps migrate orderdesk-gateway migrate --restored
