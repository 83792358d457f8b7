# Shared by the scripts beside it.

if [ -z "${COMPOSE:-}" ]; then
  COMPOSE=docker-compose
  command -v docker-compose >/dev/null 2>&1 || COMPOSE="docker compose"
fi

compose() {
  # Word splitting is meant: it may be two words and options.
  # shellcheck disable=SC2086
  $COMPOSE "$@"
}

in_postgres() {
  compose exec -T postgres "$@"
}

# Removes files of FOLDER that match PATTERN and are older than KEEP_DAYS.
expire() {
  local days=${KEEP_DAYS:-30}
  [ "$days" = 0 ] || find "$1" -maxdepth 1 -type f -name "$2" -mtime "+$days" -delete
}
