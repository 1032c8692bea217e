#!/bin/sh
# PostgreSQL on 127.0.0.1:5432 and RabbitMQ on 127.0.0.1:5672 for the tests. What listens there already is used;
# else Debian's packages are installed and private servers started below var/services; else it says what will be missing.
set -eu
cd "$(dirname "$0")/.."
home="$PWD/var/services"

listens() {
    perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift, Timeout => 2)' "$1"
}

wait_for() {
    for _ in $(seq 60); do
        listens "$1" && return 0
        sleep 1
    done
    return 1
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_package() {
    can_install || return 1
    apt-get update --quiet --quiet &&
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends "$1"
}

# The server refuses to run as root: as root it runs as the user that its package made.
as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "$1"; else sh -c "$1"; fi; }

start_postgresql() {
    binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
    [ -n "$binaries" ] || return 1
    data="$home/postgresql"
    mkdir -p "$data"
    [ "$(id -u)" = 0 ] && chown postgres "$data"
    [ -f "$data/PG_VERSION" ] || as_postgres "$binaries/initdb --auth=trust --username=postgres --pgdata='$data' >/dev/null"
    as_postgres "$binaries/pg_ctl --pgdata='$data' --log='$data/log' --options='-h 127.0.0.1 -p 5432 -k /tmp' start >/dev/null"
}

start_rabbitmq() {
    command -v rabbitmq-server >/dev/null || return 1
    mkdir -p "$home/rabbitmq"
    [ "$(id -u)" = 0 ] && chown rabbitmq "$home/rabbitmq"
    RABBITMQ_NODENAME=hub-tests@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=5672 \
        RABBITMQ_MNESIA_BASE="$home/rabbitmq" RABBITMQ_LOG_BASE="$home/rabbitmq" rabbitmq-server -detached >/dev/null 2>&1
}

provide() { # port, name, package, how to start, what is missing without it
    if listens "$1"; then
        echo "$2：127.0.0.1:$1 已在运行"
    elif { "$4" || { install_package "$3" && { listens "$1" || "$4"; }; }; } && wait_for "$1"; then
        echo "$2：已在 127.0.0.1:$1 启动"
    else
        echo "$2：没有，也不能安装；将跳过：$5" >&2
    fi
}

provide 5432 PostgreSQL postgresql start_postgresql "需要 PostgreSQL 的测试"
provide 5672 RabbitMQ rabbitmq-server start_rabbitmq "需要 RabbitMQ 的测试"
