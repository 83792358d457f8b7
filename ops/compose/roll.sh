#!/usr/bin/env bash
# Replaces the processes of one service while it goes on working: as many new ones are started beside the old ones, from the
# image and settings of now; once they are healthy the old ones are stopped in order, one after the other.
#
#   ops/compose/roll.sh api|worker
#
# COMPOSE as in ops/backup/backup.sh.
set -euo pipefail
case ${1-} in api | worker) service=$1 ;; *) echo "usage: ops/compose/roll.sh api|worker" >&2; exit 2 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source ops/backup/lib.sh

old=$(compose ps -q "$service")
count=$(wc -w <<<"$old")
[ "$count" -gt 0 ] || { echo "no $service runs" >&2; exit 1; }
compose up -d --no-deps --no-recreate --scale "$service=$((2 * count))" "$service"
for one in $(compose ps -q "$service"); do
  for _ in $(seq 120); do
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$one")" != healthy ] || continue 2
    sleep 1
  done
  echo "$one is not healthy; the old ones run on" >&2
  exit 1
done
for one in $old; do
  docker stop "$one" >/dev/null
  docker rm "$one" >/dev/null
done
echo "$count of $service replaced"
