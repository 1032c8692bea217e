"""`hub demo`: a county in a box."""

import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from adapters.transports.exchange_client import ExchangeClient
from hub.app import create_server
from hub.cli.desk import Desk, opened, read_settings
from hub.cli.init import prepare_hub
from hub.cli.output import say, write
from hub.cli.sender import add_sender
from hub.cli.serve import Host, Port, require_free
from hub.cli.signals import ending_on_request
from hub.cli.user import add_user
from hub.config import Settings
from hub.demo.county import AREA_CODE, COUNTY_NAME, County, demo_county
from hub.demo.pusher import Pusher
from hub.domain.codes import ROLES
from hub.parts import Hub, open_hub
from hub.roles import Roles
from hub.stores import registry
from hub.stores.message_views import MessageQuery, search_messages
from supervision.law import law_in_force

_ACCOUNTS_FILE = "demo-accounts.json"
_OWN_FILES = ("hub.db", "hub.db-wal", "hub.db-shm", "secret.key", _ACCOUNTS_FILE)
_ANY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to
_STARTED_POLL = timedelta(milliseconds=50)


def demo(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: Annotated[Path, typer.Option(help="演示数据目录")] = Path("var/demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="清除上次的演示数据，重新开始")] = False,
) -> None:
    """启动一个演示县：事项、五个部门系统、约六十个办件，并持续报送；仅供演示，不用于生产。

    \b
    示例：
      hub demo
      hub demo --port 9000 --fresh
    """
    require_free(host, port)
    settings = demo_settings(data_dir, host, port)
    if fresh:
        _remove_demo_data(data_dir)
    county = demo_county()
    with opened(settings) as desk:
        prepare_hub(desk)
        _register_senders(desk, county)
        accounts = _ensure_accounts(desk, county)
    _run(open_hub(settings), county, host, port, accounts)


def demo_settings(data_dir: Path, host: str, port: int) -> Settings:
    """Only its own directory: a demo never touches the database that the environment names."""
    return read_settings(
        data_dir=data_dir, database_url="", broker_url="db://", public_url=address(host, port), secret_key=None,
        secret_key_file=None, county_name=COUNTY_NAME, area_code=AREA_CODE,
    )  # fmt: skip


def address(host: str, port: int) -> str:
    return f"http://{'127.0.0.1' if host in _ANY_ADDRESS else host}:{port}"


def _remove_demo_data(data_dir: Path) -> None:
    for name in _OWN_FILES:
        (data_dir / name).unlink(missing_ok=True)


def _register_senders(desk: Desk, county: County) -> None:
    with desk.database.read() as unit:
        known = {row["sender"] for row in registry.list_senders(unit)}
    for department in county.departments.values():
        if department.sender not in known:
            add_sender(desk, department.sender, department.system, {department.code: department.name})


def _ensure_accounts(desk: Desk, county: County) -> dict[str, str]:
    """One user per role, name → password; made at the first start and kept in a file that only its owner may read."""
    path = desk.settings.data_dir / _ACCOUNTS_FILE
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    accounts = {role: secrets.token_urlsafe(9) for role in ROLES}
    for role, password in accounts.items():
        org_codes = [next(iter(county.departments))] if role == "department" else []
        add_user(desk, role, password, role, org_codes=org_codes)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(accounts, file)
    return accounts


def _run(hub: Hub, county: County, host: str, port: int, accounts: Mapping[str, str]) -> None:
    """Until told to end. The pusher ends before the server, so that no push is cut off."""
    server = create_server(hub, host, port, Roles(hub).all())
    with ExitStack() as stack:
        stack.callback(hub.database.dispose)
        clients = {
            department.code: stack.enter_context(
                ExchangeClient(address(host, port), department.sender, _secret(hub, department.sender))
            )
            for department in county.departments.values()
        }
        with hub.database.read() as unit:
            calendar = law_in_force(unit).calendar
            is_new = not search_messages(unit, MessageQuery(limit=1)).items
        pusher = Pusher(county, clients, calendar, hub.now)
        stack.callback(pusher.stop)
        opening = threading.Thread(
            target=_open, args=(server, pusher, is_new, _welcome(host, port, accounts)), daemon=True
        )
        opening.start()
        with ending_on_request():
            server.run()
    say("演示已结束")


def _secret(hub: Hub, code: str) -> str:
    with hub.database.read() as unit:
        known = registry.credentials_of(unit, hub.sealer, code)
    return known.held[0].secret if known else ""


def _open(server: uvicorn.Server, pusher: Pusher, is_new: bool, welcome: list[str]) -> None:
    """Welcomes and starts the play once the doors are open."""
    pause = threading.Event()
    while not server.started:
        if server.should_exit or pause.wait(_STARTED_POLL.total_seconds()):
            return
    for line in welcome:
        write(line)
    pusher.start(with_history=is_new)


def _welcome(host: str, port: int, accounts: Mapping[str, str]) -> list[str]:
    return ["", "═" * 60, *_welcome_lines(host, port, accounts), "═" * 60, ""]


def _welcome_lines(host: str, port: int, accounts: Mapping[str, str]) -> Iterator[str]:
    yield f"  {COUNTY_NAME}演示已启动：{address(host, port)}/"
    yield f"  SOAP 接口：{address(host, port)}/soap/exchange/v1?wsdl"
    yield ""
    yield "  演示账号（用户名 / 密码；仅供演示，所有人名、证件号均为虚构）"
    for name, password in accounts.items():
        yield f"    {name} / {password}    {ROLES[name]}"
    yield ""
    yield "  五个部门系统正在报送，一分钟内即有监察牌。按 Ctrl-C 结束。"
