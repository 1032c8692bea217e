"""One pull in a process that may be killed on the way: `python -m tests.pull_process ROOT HOW MINUTES SPEC`."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.domain.failpoints import arm
from hub.stores.session import Database
from tests.builders import MONDAY_MORNING, SmallHub, open_small_hub
from tests.pull_sources import Pulling

FLAG = {"column": "sync_sign", "pending": [None], "done": "1", "failed": "2"}
WATERMARK = {"column": "update_date", "overlapMinutes": 10}
FINDING: dict[str, Any] = {"flag": {"flag": FLAG}, "watermark": {"watermark": WATERMARK}}


def tables(root: Path, how: str, hub: SmallHub) -> Pulling:
    entry = {"unit": "apply", "table": "inf_apply", "key": ["no"], **FINDING[how]}
    connection = {"url": f"sqlite:///{root / 'department.db'}"}
    return Pulling(hub, {"kind": "table", "connection": connection, "tables": [entry]}, roots=(root,))


if __name__ == "__main__":
    root, how, minutes, spec = sys.argv[1:]
    hub = open_small_hub(Database(f"sqlite:///{root}/hub.db"), MONDAY_MORNING + timedelta(minutes=int(minutes)))
    arm(spec)
    report = tables(Path(root), how, hub).pull()
    sys.exit(0 if report.problem is None else 1)
