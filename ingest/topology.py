"""Everything that the hub has on the broker, named in one place.

A queue is declared with its type only: declared arguments can never be changed, and brokers differ in the rest. Limits
and dead-lettering are policies, valid on RabbitMQ 3.10 and 4.x, which whoever runs the broker sets once:
`hub broker policies` prints the commands.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORK_EXCHANGE = "hub.work"
WORK_QUEUE = "hub.work"
DEAD_EXCHANGE = "hub.dlx"
DEAD_QUEUE = "dead.hub"
ROUTING_KEY = "message"
QUEUE_ARGUMENTS: Mapping[str, Any] = {"x-queue-type": "quorum"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange and the one queue behind it."""

    name: str
    kind: str
    queue: str
    routing_key: str


EXCHANGES = (
    Exchange(WORK_EXCHANGE, "direct", WORK_QUEUE, ROUTING_KEY),
    Exchange(DEAD_EXCHANGE, "fanout", DEAD_QUEUE, ""),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy on queues; `pattern` is a regular expression on their names."""

    name: str
    pattern: str
    priority: int
    definition: Mapping[str, Any]


_GIB = 2**30
POLICIES = (
    Policy(
        "hub-work", r"^hub\.", 10,
        {
            # 4.x counts to 20 and then drops; 3.10 counts for ever. Our own count of attempts decides long before.
            "delivery-limit": 10,
            "dead-letter-exchange": DEAD_EXCHANGE,
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
            "max-length-bytes": 2 * _GIB,
        },
    ),
    # Without its own, practically endless limit 4.x would delete from the last net.
    Policy(
        "hub-dead", r"^dead\.", 20,
        {"delivery-limit": 1_000_000, "overflow": "reject-publish", "max-length-bytes": 4 * _GIB},
    ),
)  # fmt: skip


def policy_commands(virtual_host: str) -> list[str]:
    """The `rabbitmqctl` commands that set the policies; safe to repeat."""
    return [
        shlex.join([
            "rabbitmqctl", "set_policy", "--vhost", virtual_host, "--priority", str(policy.priority),
            "--apply-to", "queues", policy.name, policy.pattern, json.dumps(policy.definition),
        ])
        for policy in POLICIES
    ]  # fmt: skip
