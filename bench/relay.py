"""The relay alone: messages per second from the outbox to a confirmed place at the broker.

    python -m bench.relay [--messages 50000]

The outbox is filled by SQL, then one `hub relay` runs until the queue holds every message; no worker takes anything.
Counted from the first row handed over to the moment the queue is seen full, so that the start of the process is left
out. Beside it: what pika does into the same kind of queue when every message waits for its confirm, and when a
thousand are under way.
"""

import argparse
import time

from sqlalchemy import text

from bench import floors
from bench.hubs import BenchHub, end_cleanly_when_told, prepared_hub
from bench.machine import Meter
from bench.messages import utc_now
from bench.tables import Figure, cpu_line, print_figures
from ingest.broker.link import addresses
from ingest.broker.publisher import Publisher

_CONNECT_SECONDS = 20
_GIVE_UP_SECONDS = 300
_LOOK_SECONDS = 0.05
_ONE_BY_ONE_MESSAGES = 2_000

_ENVELOPES = text("""
    INSERT INTO envelope (receipt_no, sender_id, message_id, kind, body_format, charset, body_sealed, body_size, digest,
                          received_at, trace_id, accepted_count, rejected_count, record_ids, errors)
    SELECT 'R-' || n, (SELECT min(id) FROM sender), 'relay-' || n, 'PROCESS', 'SOAP11', 'utf-8', '', 0, repeat('0', 64),
           :now, 'bench', 1, 0, '[]', '[]'
    FROM generate_series(1, :messages) AS n
""")
_OUTBOX = text("""
    INSERT INTO outbox (envelope_id, created_at, available_at, attempts)
    SELECT id, :now, :now, 0 FROM envelope ORDER BY id
""")


def measure(messages: int) -> None:
    with prepared_hub("production") as hub:
        with hub.database.unit() as unit:
            unit.execute(_ENVELOPES, {"messages": messages, "now": utc_now()})
            unit.execute(_OUTBOX, {"now": utc_now()})
        with Meter(hub.roles) as meter:
            hub.start("relay", "relay")
            seconds = _seconds_until_queued(hub, messages)
        rate = messages / seconds
        hub.stop()
        single = floors.confirmed_one_by_one(hub.settings.broker_url, _ONE_BY_ONE_MESSAGES)
        window = floors.confirmed_in_windows(hub.settings.broker_url, messages)
    print_figures(
        f"转发，{messages:,} 个报文",
        [
            Figure("底线：pika，逐个等确认", single, "报文/秒"),
            Figure("底线：pika，1,000 个在途", window, "报文/秒"),
            Figure("hub relay，已确认", rate, "报文/秒", window, f"逐个等确认的 {rate / single:.1f} 倍"),
        ],
    )
    print("  " + cpu_line(meter, messages))


def _seconds_until_queued(hub: BenchHub, messages: int) -> float:
    """Since the first row was handed over. Raises RuntimeError when minutes pass or the relay has ended."""
    observer = Publisher(addresses(hub.settings.broker_url), "bench")
    observer.require(_CONNECT_SECONDS)
    until = time.monotonic() + _GIVE_UP_SECONDS
    try:
        while (observer.depth() or 0) < messages:
            if time.monotonic() > until or hub.processes["relay"].poll() is not None:
                raise RuntimeError((hub.folder / "relay.log").read_text(errors="replace")[-2000:])
            time.sleep(_LOOK_SECONDS)
        ended = utc_now()
    finally:
        observer.link.close()
    with hub.database.read() as unit:
        began = unit.execute(text("SELECT min(published_at) FROM outbox")).scalar_one()
    return float((ended - began).total_seconds())


def main() -> None:
    end_cleanly_when_told()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    measure(parser.parse_args().messages)


if __name__ == "__main__":
    main()
