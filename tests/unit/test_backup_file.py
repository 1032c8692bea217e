"""The file of a backup: what is in it, and that nothing else is taken for one."""

import gzip
import io
import random
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from hub.domain.errors import NotFoundError, RejectedError, RetryableError
from hub.stores import audit, backup, backup_engines, backup_file
from hub.stores.backup_file import DATABASE_MEMBERS, MANIFEST, SUMS
from hub.stores.sealing import Sealer
from hub.stores.session import Connection, Database
from hub.stores.upgrade import is_current
from tests.builders import MONDAY_MORNING, a_small_hub, an_acceptance
from tests.builders import SmallHub as Hub

KEY = Sealer(b"a secret of the tests")
OTHER_KEY = Sealer(b"another secret")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup")
    url = f"sqlite:///{folder / 'hub.db'}"
    database = Database(url)
    county: Hub = a_small_hub(database)
    county.push_case(an_acceptance())
    backup.create(database, url, county.sealer, folder / "hub.tar", MONDAY_MORNING)
    database.dispose()
    return folder / "hub.tar"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.tar"
    path.write_bytes(made.read_bytes())
    return path


def refusal(path: Path, sealer: Sealer | None = KEY) -> str:
    with pytest.raises(RejectedError) as refused:
        backup.verify(path, sealer)
    return refused.value.code


def rebuilt(path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """Writes the archive anew, by `tarfile`, with other members."""
    with tarfile.open(path) as archive:
        members = {info.name: archive.extractfile(info).read() for info in archive}
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in change(members).items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            archive.addfile(info, io.BytesIO(content))


def test_a_sound_backup_passes_with_and_without_the_key(made: Path):
    assert backup.verify(made, KEY).manifest["rows"]["process_record"] == 1
    assert backup.verify(made, None).engine == "sqlite"


def test_only_its_owner_may_read_it(made: Path):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_no_temporary_file_is_left(made: Path):
    assert {path.name for path in made.parent.iterdir()} == {"hub.db", "hub.tar"}


def test_plain_tar_opens_it(made: Path):
    with tarfile.open(made) as archive:
        assert archive.getnames() == [DATABASE_MEMBERS["sqlite"], MANIFEST, SUMS]


def test_the_key_is_not_inside(made: Path):
    with tarfile.open(made) as archive:
        content = b"".join(archive.extractfile(info).read() for info in archive)
        database = gzip.decompress(archive.extractfile(DATABASE_MEMBERS["sqlite"]).read())
    assert b"a secret of the tests" not in content + database


def test_one_changed_byte_anywhere_is_refused(made: Path, copy: Path):
    sound = made.read_bytes()
    places = random.Random(1).sample(range(len(sound)), 150)
    edges = [0, 100, 136, 257, 345, 511, 512, len(sound) - 1, len(sound) - 1025, len(sound) - 1024 - 512 - 1]
    for place in {*places, *edges}:
        copy.write_bytes(sound[:place] + bytes([sound[place] ^ 0x40]) + sound[place + 1 :])
        assert refusal(copy) == "HUB-4011", place


@pytest.mark.parametrize("kept", [0, 1, 511, 512, 5000, -1, -512, -1024, -1025])
def test_a_truncated_file_is_refused(copy: Path, made: Path, kept: int):
    copy.write_bytes(made.read_bytes()[:kept])
    assert refusal(copy) == "HUB-4011"


def test_something_appended_is_refused(copy: Path):
    with copy.open("ab") as file:
        file.write(bytes(512))
    assert refusal(copy) == "HUB-4011"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a tar", bytes(10240)])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "foreign").write_bytes(content)
    assert refusal(tmp_path / "foreign") == "HUB-4011"


@pytest.mark.parametrize("name", ["../hub.db", "/etc/hub.db", "database.sqlite3.gz/../../x", "more.txt"])
def test_a_member_of_any_other_name_is_refused(copy: Path, name: str):
    rebuilt(copy, lambda members: members | {name: b"x"})
    assert refusal(copy) == "HUB-4011"


def test_a_renamed_member_is_refused(copy: Path):
    rebuilt(copy, lambda members: {name.replace("database", "../database"): data for name, data in members.items()})
    assert refusal(copy) == "HUB-4011"


def test_a_link_instead_of_a_file_is_refused(copy: Path):
    with tarfile.open(copy, "w") as archive:
        for name in (DATABASE_MEMBERS["sqlite"], MANIFEST, SUMS):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    assert refusal(copy) == "HUB-4011"


def test_a_manifest_that_was_forged_without_the_key_is_refused(made: Path, copy: Path):
    held = backup_file.read(made)
    forged = dict(held.manifest) | {"createdAt": "2030-01-01T00:00:00.000+08:00"}
    write_archive(copy, held, forged, lambda text: "0" * 32)
    assert backup.verify(copy, None)
    assert refusal(copy) == "HUB-4011"


def test_another_key_is_refused(made: Path):
    assert refusal(made, OTHER_KEY) == "HUB-9004"


def test_a_later_format_is_named_as_such(made: Path, copy: Path):
    held = backup_file.read(made)
    write_archive(copy, held, dict(held.manifest) | {"format": 2}, lambda text: "0" * 32)
    assert refusal(copy) == "HUB-5012"


def test_a_newer_schema_is_refused_before_anything_is_written(made: Path, copy: Path, tmp_path: Path):
    held = backup_file.read(made)
    write_archive(copy, held, dict(held.manifest) | {"schemaRevision": "9999"}, lambda text: "0" * 32)
    with pytest.raises(RejectedError) as refused:
        backup.require_fit(backup_file.read(copy), f"sqlite:///{tmp_path / 'new.db'}")
    assert refused.value.code == "HUB-5012"
    assert not (tmp_path / "new.db").exists()


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(NotFoundError):
        backup.verify(tmp_path / "none.tar", None)


def test_an_existing_file_is_never_overwritten(made: Path):
    with pytest.raises(RejectedError) as refused, backup_file.new_file(made):
        pass
    assert refused.value.code == "HUB-4006"


def write_archive(path: Path, held: backup_file.BackupFile, manifest: dict, sign: backup_file.Sign) -> None:
    """An archive as a later or a dishonest program would write it."""
    path.unlink()
    with backup_file.new_file(path) as file:
        with backup_file.member(file, DATABASE_MEMBERS[held.engine]) as sink:
            for chunk in held.chunks():
                sink.write(chunk)
        backup_file.finish(file, manifest, sign)


def test_an_older_schema_is_brought_up_to_date_when_restored(made: Path, tmp_path: Path):
    """A backup by the first version: its rows come back, in the schema of this one."""
    old = tmp_path / "old.db"
    with opened(f"sqlite:///{old}") as database, database.unit() as unit:
        first_schema(unit)
        audit.record(unit, an_act("first"), MONDAY_MORNING)
        head = audit.head(unit)
    manifest = dict(backup_file.read(made).manifest) | {
        "schemaRevision": "0001",
        "rows": {"audit_event": 1, "outbox": 0},
        "audit": {"id": head.id, "hash": head.hash},
        "lastReceipt": None,
    }
    archive = tmp_path / "old.tar"
    with backup_file.new_file(archive) as file:
        with backup_file.member(file, DATABASE_MEMBERS["sqlite"]) as sink:
            backup_engines.pack_sqlite(old, sink)
        member = {"size": sink.size, "sha256": sink.hexdigest}
        backup_file.finish(file, manifest | {"members": {DATABASE_MEMBERS["sqlite"]: member}}, backup.signer(KEY))
    url = f"sqlite:///{tmp_path / 'new.db'}"
    backup.restore(backup.verify(archive, KEY), url, KEY, an_act("restored"), MONDAY_MORNING)
    with opened(url) as database:
        assert is_current(database)


def test_wrong_figures_restore_nothing(made: Path, copy: Path, tmp_path: Path):
    held = backup_file.read(made)
    forged = dict(held.manifest) | {"rows": dict(held.manifest["rows"]) | {"process_record": 2}}
    write_archive(copy, held, forged, backup.signer(KEY))
    with pytest.raises(RejectedError) as refused:
        backup.restore(
            backup.verify(copy, KEY), f"sqlite:///{tmp_path / 'new.db'}", KEY, an_act("restored"), MONDAY_MORNING
        )
    assert refused.value.code == "HUB-4011"
    assert {path.name for path in tmp_path.iterdir()} == {"copy.tar"}


@pytest.mark.parametrize("left", ["new.db", "new.db-wal", "new.db-journal"])
def test_files_of_another_database_are_in_the_way(made: Path, tmp_path: Path, left: str):
    (tmp_path / left).write_bytes(b"")
    with pytest.raises(RejectedError) as refused:
        backup.require_fit(backup_file.read(made), f"sqlite:///{tmp_path / 'new.db'}")
    assert refused.value.code == "HUB-5011"


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path):
    with pytest.raises(RetryableError) as refused:
        backup_engines.require_space(tmp_path, 1 << 60)
    assert refused.value.code == "HUB-9011"


def test_a_restored_hub_leaves_a_gap_in_the_numbers_of_every_lost_day(made: Path, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    later = MONDAY_MORNING + timedelta(days=2)
    backup.restore(backup.verify(made, KEY), url, KEY, an_act("restored"), later)
    with opened(url) as database, database.read() as unit:
        serials = dict(tuple(row) for row in unit.exec_driver_sql("SELECT day, last_serial FROM number_series").all())
    assert serials == {
        "2026-03-02": 1 + backup.NUMBERS_SKIPPED,
        "2026-03-03": backup.NUMBERS_SKIPPED,
        "2026-03-04": backup.NUMBERS_SKIPPED,
    }


def first_schema(unit: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("hub.stores") / "migrations"))
    config.attributes["connection"] = unit
    command.upgrade(config, "0001")


def an_act(action: str) -> audit.Act:
    return audit.Act("cli:test", action, "backup", "x")


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()
