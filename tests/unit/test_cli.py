import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.cli.failures import ExitCode, exit_code_of
from hub.cli.main import COMMANDS, NOUNS, run
from hub.config import Settings
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.records import PROCESS
from hub.gateway.catalogue import catalogue
from hub.stores import audit, exchange
from hub.stores.session import Database
from tests.builders import ORG_CODE, a_step, an_application, an_envelope


@dataclass
class Said:
    """What one command left: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Hub = Callable[..., Said]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_AREA_CODE", "330324")
    return tmp_path / "data"


@pytest.fixture
def fresh(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Hub:
    """Runs commands against a directory in which nothing is prepared."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def hub(fresh: Hub) -> Hub:
    assert fresh("init").code == ExitCode.OK
    return fresh


@pytest.fixture
def database(hub: Hub) -> Iterator[Database]:
    opened = Database(Settings().database())
    yield opened
    opened.dispose()


def actions(database: Database) -> list[tuple[str, str]]:
    with database.read() as unit:
        return [(row.actor, row.action) for row in reversed(audit.recent(unit, 100))]


def test_init_can_be_repeated(hub: Hub):
    assert hub("init", "--json").json["database"] == "SQLite"


def test_key_file_is_readable_by_its_owner_only(hub: Hub, data_dir: Path):
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600


def test_command_before_init_says_what_to_run_and_leaves_no_file(fresh: Hub, data_dir: Path):
    said = fresh("sender", "list")
    assert (said.code, said.out) == (ExitCode.UNAVAILABLE, "")
    assert "hub init" in said.err
    assert not (data_dir / "hub.db").exists()


def test_sender_secret_is_given_once_as_json_on_stdout(hub: Hub):
    added = hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE, "--json").json
    assert added["sender"] == "gs"
    assert len(added["secret"]) >= 24
    assert added["secret"] not in hub("sender", "list", "--json").out


def test_sender_may_speak_for_several_departments(hub: Hub):
    hub("sender", "add", "wb", "--name", "联合系统", "--org", "33032400GS", "--org", "33032400GA", "33032400RS")
    assert hub("sender", "list", "--json").json[0]["orgCodes"] == ["33032400GA", "33032400GS", "33032400RS"]


def test_known_sender_is_refused(hub: Hub):
    hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE)
    said = hub("sender", "add", "gs", "--name", "别的系统", "--org", ORG_CODE)
    assert (said.code, said.out) == (ExitCode.REFUSED, "")
    assert "HUB-6003" in said.err


def test_disabled_sender_shows_its_notice_until_enabled(hub: Hub):
    hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE)
    hub("sender", "disable", "gs", "--notice", "升级中")
    assert hub("sender", "list", "--json").json[0]["disabledNotice"] == "升级中"
    hub("sender", "enable", "gs")
    assert hub("sender", "list", "--json").json[0]["disabledNotice"] is None


def test_rotated_secret_differs(hub: Hub):
    first = hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE, "--json").json["secret"]
    assert hub("sender", "rotate", "gs", "--revoke-old", "--json").json["secret"] != first


def test_user_gets_a_generated_password_where_nobody_can_be_asked(hub: Hub):
    assert len(hub("user", "add", "jiancha", "--role", "supervisor", "--json").json["password"]) >= 12


def test_unknown_role_is_a_usage_error(hub: Hub):
    assert hub("user", "add", "x", "--role", "boss").code == ExitCode.USAGE


def test_token_is_given_as_json(hub: Hub):
    created = hub("token", "create", "--role", "department", "--org", ORG_CODE, "--json").json
    assert created["orgCodes"] == [ORG_CODE]
    assert len(created["token"]) >= 32


@pytest.mark.parametrize(
    ("command", "action"),
    [
        (("sender", "rotate", "gs"), "sender.rotate"),
        (("sender", "disable", "gs", "--notice", "升级"), "sender.disable"),
        (("sender", "enable", "gs"), "sender.enable"),
        (("user", "add", "a", "--role", "auditor"), "user.add"),
        (("token", "create", "--role", "auditor"), "token.create"),
    ],
)
def test_every_change_is_audited_with_the_user_of_the_system(
    hub: Hub, database: Database, command: tuple[str, ...], action: str
):
    hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE)
    hub(*command)
    actor, last = actions(database)[-1]
    assert last == action
    assert actor.startswith("cli:")


def test_refused_change_leaves_no_audit(hub: Hub, database: Database):
    before = actions(database)
    assert hub("sender", "rotate", "nobody").code == ExitCode.NOT_FOUND
    assert actions(database) == before


def test_secrets_never_reach_the_audit(hub: Hub, database: Database):
    secret = hub("sender", "add", "gs", "--name", "样例局系统", "--org", ORG_CODE, "--json").json["secret"]
    with database.read() as unit:
        assert not any(secret in str(row.detail) for row in audit.recent(unit, 100))


@pytest.mark.parametrize(
    "arguments", [("case", "show", "x"), ("card", "explain", "1"), ("message", "show", "x"), ("quarantine", "replay", "1")]
)
def test_what_is_not_there_exits_with_4(hub: Hub, arguments: tuple[str, ...]):
    assert hub(*arguments).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    "arguments", [("frob",), ("sender",), ("sender", "add"), ("sender", "add", "x", "--nam", "y"), ("serve", "--port", "0")]
)
def test_wrong_usage_exits_with_2_and_says_so_in_chinese(fresh: Hub, arguments: tuple[str, ...]):
    said = fresh(*arguments)
    assert (said.code, said.out) == (ExitCode.USAGE, "")
    assert "用法" in said.err


def test_unknown_setting_is_named_without_its_value(fresh: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_DATABSE_URL", "postgresql://secret")
    said = fresh("sender", "list")
    assert said.code == ExitCode.USAGE
    assert "HUB_DATABSE_URL" in said.err
    assert "postgresql" not in said.err


def every_command() -> Iterator[tuple[str, ...]]:
    yield from ((command.__name__,) for command in COMMANDS)
    for name, noun in NOUNS.items():
        for verb in noun.app.registered_commands:
            yield name, verb.name or verb.callback.__name__


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_is_chinese_with_two_examples(fresh: Hub, command: tuple[str, ...]):
    said = fresh(*command, "--help")
    assert said.code == ExitCode.OK
    _, _, examples = said.out.partition("示例：")
    assert examples.count(f"hub {' '.join(command)}") >= 2
    assert "Usage" not in said.out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFoundError("HUB-4041", ""), 4),
        (RetryableError("HUB-9002", ""), 6),
        (RejectedError("HUB-3001", ""), 3),
        (RejectedError("HUB-1005", ""), 3),
        (RejectedError("HUB-2001", ""), 5),
        (RejectedError("HUB-5002", ""), 5),
        (RejectedError("HUB-6001", ""), 5),
    ],
)
def test_errors_exit_by_their_kind(error: Any, code: int):
    assert exit_code_of(error) == code


def test_every_catalogued_error_has_an_exit_code_of_the_contract():
    assert {exit_code_of(RejectedError(code, "")) for code in catalogue()} <= set(ExitCode) - {ExitCode.OK}


def test_calendar_in_force_lists_a_year(hub: Hub):
    shown = hub("calendar", "show", "--year", "2026", "--json").json
    assert {"day": "2026-10-01", "working": False, "name": "国庆节"} in shown["days"]


def test_imported_calendar_comes_into_force(hub: Hub, tmp_path: Path):
    file = tmp_path / "calendar.csv"
    header = "# version=county-1 first_day=2026-01-01 published_until=2026-12-31 source=通知"
    file.write_text(f"{header}\nday,working,name\n2026-10-08,0,县庆\n", encoding="utf-8")
    assert hub("calendar", "import", str(file), "--json").json["version"] == "county-1"
    assert hub("calendar", "show", "--json").json["version"] == "county-1"
    assert hub("calendar", "import", str(file)).code == ExitCode.REFUSED


def test_broken_calendar_is_bad_data(hub: Hub, tmp_path: Path):
    file = tmp_path / "calendar.csv"
    file.write_text("day,working\n", encoding="utf-8")
    assert hub("calendar", "import", str(file)).code == ExitCode.DATA_FAILED


def test_rules_in_force_are_the_eight_of_the_first_day(hub: Hub):
    listed = {rule["code"] for rule in hub("rule", "list", "--json").json}
    assert listed == {"T01", "T02", "T04", "T06", "P01", "P02", "C06", "F02"}


def test_doctor_finds_a_fresh_hub_fit(hub: Hub):
    said = hub("doctor", "--json")
    assert said.code == ExitCode.OK
    assert "FAILED" not in {finding["state"] for finding in said.json}


def test_doctor_before_init_tells_what_to_run(fresh: Hub):
    said = fresh("doctor")
    assert said.code == ExitCode.UNAVAILABLE
    assert "hub init" in said.out


def test_doctor_warns_of_a_key_that_others_can_read(hub: Hub, data_dir: Path):
    (data_dir / "secret.key").chmod(0o644)
    states = {finding["name"]: finding["state"] for finding in hub("doctor", "--json").json}
    assert states["密钥"] == "WARNING"


def test_table_goes_to_stdout_and_words_to_stderr(hub: Hub):
    said = hub("message", "list")
    assert said.out == ""
    assert "共 0 条" in said.err
