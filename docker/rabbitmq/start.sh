#!/bin/sh
# Starts the broker with the password of the secret and, once it is up, sets the policies; both safe to repeat.
set -eu

printf 'default_pass = %s\n' "$(cat /run/secrets/broker_password)" |
    install -o rabbitmq -g rabbitmq -m 0400 /dev/stdin /etc/rabbitmq/conf.d/20-password.conf

set_policies() {
    # Not before the node has made its cookie, or the two would each make one.
    until gosu rabbitmq rabbitmq-diagnostics -q ping >/dev/null 2>&1; do sleep 2; done
    gosu rabbitmq rabbitmqctl await_startup
    gosu rabbitmq rabbitmqctl import_definitions /etc/rabbitmq/hub-definitions.json
}

{ sleep 10; set_policies; } &
exec docker-entrypoint.sh rabbitmq-server
