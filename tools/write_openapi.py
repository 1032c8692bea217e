"""Writes schemas/openapi.json from the REST door. `--check` only compares (exit 1)."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from hub.adapting.keeper import AdapterKeeper
from hub.adapting.office import AdapterOffice
from hub.adapting.trials import TrialDesk
from hub.gateway.adapted import AdaptedIntake
from hub.gateway.admission import Admission, AdmissionLimits
from hub.gateway.attachment_intake import AttachmentIntake
from hub.gateway.door_threads import DoorThreads
from hub.gateway.exchange import Exchange
from hub.gateway.known_senders import KnownSenders
from hub.gateway.probes import Probes
from hub.gateway.reception import Reception
from hub.gateway.rest.context import RestContext
from hub.gateway.rest.documents import openapi_document
from hub.gateway.rest.router import create_rest
from hub.stores.sealing import Sealer
from hub.stores.service_state import ServiceKeeper
from hub.stores.session import Database
from supervision.law import LawKeeper
from supervision.quality.desk import QualityDesk
from supervision.quality.listening import Listener

PUBLISHED = Path("schemas/openapi.json")


def published_document() -> bytes:
    document = openapi_document(create_rest(_context()).routes)
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def _context() -> RestContext:
    """A door that is only described, never called: its database is not opened."""
    database, sealer = Database("sqlite:///unused.db"), Sealer(b"")
    exchange = Exchange(database, sealer, _now)
    reception = Reception(Admission(AdmissionLimits()), DoorThreads(), KnownSenders(exchange))
    law, service = LawKeeper(database, _now), ServiceKeeper(database)
    probes = Probes(database, law, _now)
    keeper = AdapterKeeper(database)
    return RestContext(
        database, exchange, law, sealer, _now, reception, service, probes,
        files=AttachmentIntake(database, sealer, _now),
        quality=QualityDesk(database, law, _now, Listener(database, law, _now)),
        adapted=AdaptedIntake(keeper, exchange, TrialDesk(database, keeper, sealer, _now)),
        office=AdapterOffice(database, keeper, _now),
    )  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> int:
    parser = argparse.ArgumentParser(description="生成 REST 接口的 OpenAPI 文档")
    parser.add_argument("--check", action="store_true", help="只核对，不写文件；有差异时退出码为 1")
    arguments = parser.parse_args()
    file = Path(__file__).resolve().parent.parent / PUBLISHED
    if not arguments.check:
        file.write_bytes(published_document())
        return 0
    if file.is_file() and file.read_bytes() == published_document():
        return 0
    sys.stderr.write(f"{PUBLISHED} 与代码不一致，请运行 python -m tools.write_openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
