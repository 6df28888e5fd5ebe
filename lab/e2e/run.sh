#!/bin/sh
# run.sh COMMAND [ARG]... runs a command beside a PostgreSQL and a Redis of its own, and ends them with it, also on Ctrl-C.
# It sees to it that Prometheus, its Alertmanager, etcd and a browser are there too, which the tests start themselves.
#
# The command finds them by E2E_POSTGRES (postgres://…) and E2E_REDIS (host:port); the program E2E_POSTGRES_CTL stops and starts
# PostgreSQL. Both listen on random ports of the loopback interface and keep their data in a temporary folder. What is missing is
# installed if we are root on a Debian; else it says so and exits with 77, which means: not run.
set -eu

[ $# -gt 0 ] || { echo "usage: run.sh COMMAND [ARG]..." >&2; exit 2; }

# binaries prints the folder of PostgreSQL's programs, which Debian keeps out of PATH; the newest version wins.
binaries() {
	if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; return; fi
	ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1
}

missing() {
	[ -n "$(binaries)" ] || echo postgresql
	command -v redis-server >/dev/null || echo redis-server
	command -v promtool >/dev/null || echo prometheus
	command -v prometheus-alertmanager >/dev/null || echo prometheus-alertmanager
	command -v chromium >/dev/null || echo chromium
	command -v etcd >/dev/null || echo etcd-server
}

lacking=$(missing | xargs)
if [ -n "$lacking" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "e2e: installing $lacking" >&2
	# A failure is told below, by what is still missing.
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking; } >/dev/null 2>&1 || true
	lacking=$(missing | xargs)
fi
if [ -n "$lacking" ]; then
	echo "NOT RUN: $*: this machine lacks $lacking, and nobody here may install it" >&2
	exit 77
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/e2e-XXXXXX")
bin=$(binaries)
redis=

# as_owner runs a program of PostgreSQL, which refuses to be root.
as_owner() {
	if [ "$(id -u)" != 0 ]; then "$@"; else runuser -u postgres $group -- "$@"; fi
}

# Where the root folder is closed to everybody else, the user needs root's group to reach its own programs.
group=
as_owner "$bin/initdb" --version >/dev/null 2>&1 || group="-g root"

stop() {
	trap - EXIT INT TERM
	as_owner "$bin/pg_ctl" -D "$dir/pg" -m immediate -w stop >/dev/null 2>&1 || true
	[ -z "$redis" ] || { kill "$redis" 2>/dev/null; wait "$redis" 2>/dev/null; } || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "e2e: $1 did not start:" >&2
	tail -n 20 "$2" >&2
	exit 1
}

# port prints a random one; when it is taken, the server does not start and the next one is tried.
port() { awk 'BEGIN { srand('"$(od -An -N3 -tu4 /dev/urandom)"'); print 20000 + int(12000 * rand()) }'; }

mkdir "$dir/pg"
if [ "$(id -u)" = 0 ]; then chown postgres "$dir" "$dir/pg"; fi
as_owner "$bin/initdb" -D "$dir/pg" -U postgres -A trust -E UTF8 --locale=C >"$dir/initdb.log" 2>&1 || fail PostgreSQL "$dir/initdb.log"
for try in 1 2 3 4 5; do
	pg=$(port)
	# Nothing has to survive this run: no fsync.
	as_owner "$bin/pg_ctl" -D "$dir/pg" -l "$dir/pg/log" -w -t 30 -o "-p $pg -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120" \
		start >/dev/null 2>&1 && break
	[ "$try" -lt 5 ] || fail PostgreSQL "$dir/pg/log"
done
for try in 1 2 3 4 5; do
	rp=$(port)
	redis-server --port "$rp" --bind 127.0.0.1 --save '' --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
	redis=$!
	for wait in 1 2 3 4 5 6 7 8 9 10; do
		redis-cli -p "$rp" ping >/dev/null 2>&1 && break 2
		kill -0 "$redis" 2>/dev/null || break
		sleep 0.2
	done
	[ "$try" -lt 5 ] || fail Redis "$dir/redis.log"
done

# A test that wants PostgreSQL to go away and come back calls this, with stop or start.
cat >"$dir/postgres" <<END
#!/bin/sh
set -- "$bin/pg_ctl" -D "$dir/pg" -l "$dir/pg/log" -m immediate -w -t 30 -o "-p $pg -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120" "\$1"
[ "\$(id -u)" != 0 ] || set -- runuser -u postgres $group -- "\$@"
exec "\$@" >/dev/null 2>&1
END
chmod +x "$dir/postgres"

E2E_POSTGRES_CTL="$dir/postgres" E2E_POSTGRES="postgres://postgres@127.0.0.1:$pg/postgres?sslmode=disable" E2E_REDIS="127.0.0.1:$rp" "$@"
