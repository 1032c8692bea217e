import json
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.cli.failures import ExitCode, exit_code_of
from hub.cli.main import COMMANDS, NOUNS, run
from hub.config import Settings
from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.domain.records import PROCESS
from hub.gateway.catalogue import catalogue
from hub.stores.session import Database
from tests.builders import DAY, MONDAY_MORNING, ORG_CODE, SmallHub, a_small_hub, a_step, an_acceptance


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


@pytest.fixture
def late_case(hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch) -> SmallHub:
    """One case long over its promise and its statute, and one record that contradicts what is stored."""
    monkeypatch.setenv("HUB_SECRET_KEY", "a secret of the tests")
    county = a_small_hub(database)
    step = a_step(record_id="second", step_seq=2, handled_at=MONDAY_MORNING + DAY)
    county.push_case(an_acceptance(record_id="first"), step)
    county.push(PROCESS, [a_step(record_id="second", step_seq=2, handled_at=MONDAY_MORNING + DAY, opinion="不同意")])
    county.work()
    county.clock.move_to(MONDAY_MORNING + 90 * DAY)
    county.fire()
    return county


def actions(database: Database) -> list[tuple[str, str]]:
    with database.read() as unit:
        rows = unit.exec_driver_sql("SELECT actor, action FROM audit_event ORDER BY id")
        return [(row.actor, row.action) for row in rows]


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
        rows = unit.exec_driver_sql("SELECT detail FROM audit_event").all()
    assert rows
    assert not any(secret in row.detail for row in rows)


@pytest.mark.parametrize(
    "arguments",
    [("case", "show", "x"), ("card", "explain", "1"), ("message", "show", "x"), ("quarantine", "replay", "1")],
)
def test_what_is_not_there_exits_with_4(hub: Hub, arguments: tuple[str, ...]):
    assert hub(*arguments).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    "arguments",
    [("frob",), ("sender",), ("sender", "add"), ("sender", "add", "x", "--nam", "y"), ("serve", "--port", "0")],
)
def test_wrong_usage_exits_with_2_and_says_so_in_chinese(fresh: Hub, arguments: tuple[str, ...]):
    said = fresh(*arguments)
    assert (said.code, said.out) == (ExitCode.USAGE, "")
    assert "用法" in said.err


def test_unknown_setting_is_pointed_out_without_its_value(fresh: Hub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_DATABSE_URL", "postgresql://secret")
    said = fresh("init")
    assert said.code == ExitCode.OK
    assert "HUB_DATABSE_URL" in said.err
    assert "postgresql" not in said.err


def every_command() -> Iterator[tuple[str, ...]]:
    yield from ((command.__name__,) for command in COMMANDS)
    for name, noun in NOUNS.items():
        for verb in noun.app.registered_commands:
            yield name, verb.name or verb.callback.__name__


@pytest.mark.parametrize("command", list(every_command()), ids=" ".join)
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


def test_case_is_found_by_one_character_and_shown_by_either_number(hub: Hub, late_case: SmallHub):
    found = hub("case", "find", "商", "--json").json["items"]
    assert len(found) == 1
    by_unified_no = hub("case", "show", found[0]["unifiedNo"], "--json").json
    by_org = hub("case", "show", f"{ORG_CODE}/{found[0]['caseNo']}", "--json").json
    assert by_unified_no["steps"] == by_org["steps"]
    assert [step["recordId"] for step in by_org["steps"]] == ["first", "second"]


def test_case_in_words_masks_the_applicant_and_explains_the_clock(hub: Hub, late_case: SmallHub):
    said = hub("case", "show", f"{ORG_CODE}/GS20260302-0007").out
    assert "承诺 7 个工作日" in said
    assert "申请人甲" not in said


def test_card_is_explained_with_its_proof_and_recomputes_the_same(hub: Hub, late_case: SmallHub):
    card = hub("card", "list", "--level", "RED", "--json").json["items"][0]
    said = hub("card", "explain", str(card["id"]))
    assert said.code == ExitCode.OK
    assert "重新计算：一致" in said.out
    assert "规则：T06" in said.out
    assert hub("card", "explain", str(card["id"]), "--json").json["recomputedTheSame"] is True


def test_changed_proof_is_noticed(hub: Hub, late_case: SmallHub):
    with late_case.database.unit() as unit:
        unit.exec_driver_sql("update evidence set document = json_set(document, '$.sentence', '另一句话')")
    card = hub("card", "list", "--level", "RED", "--json").json["items"][0]
    said = hub("card", "explain", str(card["id"]))
    assert said.code == ExitCode.DATA_FAILED
    assert "重新计算：不一致" in said.out


def test_contradicting_record_is_quarantined_and_can_be_discarded_once(hub: Hub, late_case: SmallHub):
    held = hub("quarantine", "list", "--json").json["items"]
    assert [entry["code"] for entry in held] == ["HUB-6002"]
    entry_id = str(held[0]["id"])
    assert hub("quarantine", "discard", entry_id, "--reason", "部门确认误报").code == ExitCode.OK
    assert hub("quarantine", "discard", entry_id, "--reason", "部门确认误报").code == ExitCode.REFUSED
    assert hub("quarantine", "list", "--state", "DISCARDED", "--json").json["items"][0]["reason"] == "部门确认误报"


def test_replayed_record_is_judged_again(hub: Hub, late_case: SmallHub):
    entry_id = str(hub("quarantine", "list", "--json").json["items"][0]["id"])
    assert hub("quarantine", "replay", entry_id, "--json").json["state"] == "QUEUED"
    assert hub("work", "--once", "--json").json["processed"] == 1
    assert hub("quarantine", "list", "--json").json["items"][0]["code"] == "HUB-6002"


def test_dry_run_of_a_replay_leaves_a_job_that_starting_carries_out(hub: Hub, late_case: SmallHub):
    made = hub("quarantine", "replay", "--code", "HUB-6002", "--dry-run", "--json").json
    assert (made["state"], made["forecast"]["failingRecords"]) == ("DRAFT", {"HUB-6002": 1})
    job_id = str(made["id"])
    assert [hub("replay", "start", job_id, "--json").json["state"] for _ in range(2)] == ["RUNNING", "RUNNING"]
    assert hub("work", "--once", "--json").json["processed"] == 1
    ended = hub("replay", "show", job_id, "--json").json
    assert (ended["state"], ended["counts"]["QUARANTINED"], len(ended["items"])) == ("DONE", 1, 1)
    assert "仍隔离 1" in hub("replay", "list").out
    assert "HUB-6002 1" in hub("replay", "show", job_id).out


def test_messages_are_replayed_as_a_job_that_can_be_held_and_cancelled(hub: Hub, late_case: SmallHub):
    job_id = str(hub("message", "replay", "--sender", "gs-system", "--from", "2026-03-01", "--json").json["id"])
    assert hub("replay", "pause", job_id, "--json").json["state"] == "PAUSED"
    paced = hub("replay", "pace", job_id, "--batch", "5", "--rate", "2", "--json").json
    assert (paced["batchSize"], paced["ratePerSecond"]) == (5, 2)
    assert hub("replay", "resume", job_id, "--json").json["state"] == "RUNNING"
    assert hub("replay", "cancel", job_id, "--json").json["counts"]["CANCELLED"] == 2
    assert hub("replay", "pace", job_id).code == ExitCode.REFUSED
    assert [action for _, action in actions(late_case.database) if action.startswith("replay.")] == [
        "replay.create", "replay.start", "replay.pause", "replay.pace", "replay.resume", "replay.cancel",
        "replay.finish",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("message", "replay"), ExitCode.USAGE),
        (("message", "replay", "R1", "--sender", "gs"), ExitCode.USAGE),
        (("message", "replay", "R-none"), ExitCode.NOT_FOUND),
        (("quarantine", "replay"), ExitCode.USAGE),
        (("quarantine", "replay", "1", "--code", "HUB-6002"), ExitCode.USAGE),
        (("quarantine", "replay", "--code", "HUB-6002"), ExitCode.NOT_FOUND),
        (("replay", "start", "9"), ExitCode.NOT_FOUND),
        (("replay", "list", "--state", "ANY"), ExitCode.USAGE),
    ],
)
def test_replay_of_nothing_clear_is_refused(hub: Hub, command: tuple[str, ...], code: ExitCode):
    assert hub(*command).code == code


def test_message_is_shown_with_the_state_of_every_record(hub: Hub, late_case: SmallHub):
    newest = hub("message", "list", "--json").json["items"][0]
    shown = hub("message", "show", newest["receiptNo"], "--json").json
    assert [record["state"] for record in shown["records"]] == ["QUARANTINED"]


def test_watch_once_judges_what_is_due(hub: Hub, late_case: SmallHub):
    assert hub("watch", "--once", "--json").json["processed"] == 0


def test_unreadable_and_missing_samples_exit_by_their_kind(fresh: Hub, tmp_path: Path):
    bad = tmp_path / "bad.xml"
    bad.write_text("<a>", encoding="utf-8")
    credentials = ("--sender", "gs", "--secret", "x", "--url", "http://127.0.0.1:9")
    assert fresh("send", str(bad), *credentials).code == ExitCode.DATA_FAILED
    assert fresh("send", str(tmp_path / "none.xml"), *credentials).code == ExitCode.NOT_FOUND


def test_server_without_its_key_says_what_to_run(hub: Hub, data_dir: Path):
    (data_dir / "secret.key").unlink()
    said = hub("serve", "--port", "1")
    assert said.code == ExitCode.UNAVAILABLE
    assert "hub init" in said.err


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_taken_port_is_said_in_chinese(fresh: Hub, command: str, data_dir: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = fresh(command, "--port", str(taken.getsockname()[1]))
    assert said.code == ExitCode.USAGE
    assert "端口已被占用" in said.err
    assert not data_dir.exists()


def test_state_of_the_service_is_set_with_a_reason_and_audited(hub: Hub, database: Database):
    assert hub("state", "show", "--json").json["state"] == "NORMAL"
    assert hub("state", "set", "READ_ONLY", "--reason", "切换演练").code == ExitCode.OK
    shown = hub("state", "show", "--json").json
    assert (shown["state"], shown["title"], shown["reason"]) == ("READ_ONLY", "只读", "切换演练")
    assert actions(database)[-1][1] == "service-state.set"


@pytest.mark.parametrize("arguments", [("CLOSED", "--reason", "x"), ("NORMAL", "--reason", " ")])
def test_unknown_state_or_empty_reason_is_a_usage_error(hub: Hub, arguments: tuple[str, ...]):
    assert hub("state", "set", *arguments).code == ExitCode.USAGE


def test_quota_of_a_sender_is_set_field_by_field_and_taken_back(hub: Hub, database: Database):
    hub("sender", "add", "gs", "--name", "样例系统", "--org", ORG_CODE)
    hub("sender", "quota", "gs", "--rate", "20", "--max-records", "5")
    changed = hub("sender", "quota", "gs", "--burst", "3", "--rate", "0", "--json").json
    assert changed == {"sender": "gs", "rate": None, "burst": 3, "maxBytes": None, "maxRecords": 5}
    assert hub("sender", "quota", "gs", "--json").json == changed
    assert [action for _, action in actions(database)].count("sender.quota") == 2


def test_quota_of_an_unknown_sender_is_not_found(hub: Hub):
    assert hub("sender", "quota", "nobody", "--rate", "1").code == ExitCode.NOT_FOUND
