"""A backup as one file: an uncompressed tar of the database, `manifest.json` and `manifest.sums`, in this order.

Nothing else may be in it. The manifest holds the SHA-256 of the database member; the sums hold the SHA-256 of the
manifest and a keyed hash of it, so that one changed byte anywhere is noticed, and a forged manifest by whoever has
the key. The members can be taken out and compared with plain `tar` and `sha256sum`.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from hub.domain.errors import NotFoundError, RejectedError

MANIFEST, SUMS = "manifest.json", "manifest.sums"
DATABASE_MEMBERS: Mapping[str, str] = {"sqlite": "database.sqlite3.gz", "postgresql": "database.pgdump"}
FORMAT = 1

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
_LARGEST_MANIFEST_BYTES = 1 << 20
_OWNER_ONLY = 0o600

Sign = Callable[[str], str]
"""A keyed hash of a text, in hex; only who has the secret key can make it."""


def damaged(what: str) -> RejectedError:
    return RejectedError("HUB-4011", f"备份文件不能用：{what}")


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int: ...


class Digesting:
    """Passes bytes on and keeps their SHA-256 and number."""

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self._sha256.update(data)
        self.size += len(data)
        return self._file.write(data)

    @property
    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """A file of the owner's only that appears under its name complete and synced, or not at all.

    Raises RejectedError HUB-4006 when the name is taken.
    """
    if target.exists():
        raise RejectedError("HUB-4006", f"文件已存在，不覆盖：{target}")
    partial = target.with_name(f".{target.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes a rename in the folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def member(file: BinaryIO, name: str) -> Iterator[Digesting]:
    """Adds a member whose size is known only once it is written, so that a dump needs its space only once."""
    header_at = file.tell()
    file.write(bytes(_BLOCK))
    sink = Digesting(file)
    yield sink
    file.write(bytes(-sink.size % _BLOCK))
    end = file.tell()
    info = tarfile.TarInfo(name)
    info.size, info.mode = sink.size, _OWNER_ONLY
    file.seek(header_at)
    file.write(info.tobuf(tarfile.GNU_FORMAT))
    file.seek(end)


def finish(file: BinaryIO, manifest: Mapping[str, Any], sign: Sign) -> None:
    """Adds the manifest and what seals it, and ends the archive."""
    with member(file, MANIFEST) as sink:
        sink.write(json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    with member(file, SUMS) as sums:
        sums.write(_sums(sink.hexdigest, sign))
    file.write(bytes(2 * _BLOCK))


def _sums(sha256: str, sign: Sign) -> bytes:
    return f"sha256 {sha256}\nkeyed {sign(sha256)}\n".encode()


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup whose parts are where they must be; `check` proves their bytes."""

    path: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str
    sums: bytes
    database_at: int  # offset in the file
    database_size: int

    @property
    def engine(self) -> str:
        return str(self.manifest["engine"])

    def check_seal(self, sign: Sign) -> None:
        """Raises RejectedError HUB-4011 when the manifest is not the one that was written with this key."""
        if self.sums != _sums(self.manifest_sha256, sign):
            raise damaged("清单的校验值不符")

    def check_database(self) -> None:
        """Raises RejectedError HUB-4011 when the database member is not the one that the manifest names."""
        sink = Digesting(_Nowhere())
        for chunk in self.chunks():
            sink.write(chunk)
        if sink.hexdigest != self.manifest["members"][DATABASE_MEMBERS[self.engine]]["sha256"]:
            raise damaged("数据库部分的 SHA-256 与清单不符")

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the database member."""
        with self.path.open("rb") as file:
            file.seek(self.database_at)
            left = self.database_size
            while left:
                chunk = file.read(min(left, _CHUNK_BYTES))
                if not chunk:
                    raise damaged("文件被截断")
                left -= len(chunk)
                yield chunk


class _Nowhere:
    def write(self, data: bytes, /) -> int:
        return len(data)


def read(path: Path) -> BackupFile:
    """The backup in a file. Raises NotFoundError HUB-4043, RejectedError HUB-4011 when it is none or is damaged."""
    if not path.is_file():
        raise NotFoundError("HUB-4043", f"没有这个文件：{path}")
    try:
        with tarfile.open(path, "r:") as archive:
            members = archive.getmembers()
            _check_members(members)
            manifest_bytes, sums = (_content(archive, info) for info in members[1:])
    except tarfile.TarError as exc:
        raise damaged("不是备份文件，或已损坏、被截断") from exc
    _check_gaps(path, members)
    manifest = _manifest(manifest_bytes, members[0])
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    if not sums.startswith(f"sha256 {digest}\n".encode()):
        raise damaged("清单的 SHA-256 不符")
    return BackupFile(path, manifest, digest, sums, members[0].offset_data, members[0].size)


def _check_members(members: list[tarfile.TarInfo]) -> None:
    """Names are compared whole: a path, a link or anything more in the archive makes it foreign."""
    names = [info.name for info in members]
    known = any(names == [database, MANIFEST, SUMS] for database in DATABASE_MEMBERS.values())
    if not known or not all(info.type == tarfile.REGTYPE for info in members):
        raise damaged("里面不是备份应有的三个部分")
    if any(info.size > _LARGEST_MANIFEST_BYTES for info in members[1:]):
        raise damaged("清单过大")


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    return file.read() if file else b""


def _check_gaps(path: Path, members: list[tarfile.TarInfo]) -> None:
    """Headers must be exactly what `member` writes, and what stands between and behind the members must be zeros."""
    with path.open("rb") as file:
        for info in members:
            expected = tarfile.TarInfo(info.name)
            expected.size, expected.mode = info.size, _OWNER_ONLY
            file.seek(info.offset)
            same_header = file.read(_BLOCK) == expected.tobuf(tarfile.GNU_FORMAT)
            file.seek(info.offset_data + info.size)
            if not same_header or any(file.read(-info.size % _BLOCK)):
                raise damaged("文件被改动")
        if file.read() != bytes(2 * _BLOCK):
            raise damaged("结尾不完整")


def _manifest(data: bytes, database: tarfile.TarInfo) -> Mapping[str, Any]:
    try:
        manifest = json.loads(data)
        version, engine = manifest["format"], manifest["engine"]
        fits = DATABASE_MEMBERS[engine] == database.name and manifest["members"][database.name]["size"] == database.size
    except (ValueError, KeyError, TypeError) as exc:
        raise damaged("清单不能读") from exc
    if version != FORMAT:
        raise RejectedError("HUB-5012", f"备份格式 {version} 不是本程序能读的格式 {FORMAT}，请用当时的程序版本恢复")
    if not fits:
        raise damaged("清单与数据库部分不符")
    return dict(manifest)
