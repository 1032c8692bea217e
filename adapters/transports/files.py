"""Files that a department leaves in a folder: claimed by renaming, read once they have stopped growing.

A file goes `folder/NAME` → `folder/claimed/NAME` → `folder/done/NAME` or `folder/failed/NAME`, where a small JSON file
stands beside it and says what became of it. Whatever moment a process dies at, the name tells how far the file came.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hub.domain.errors import RejectedError, RetryableError

CLAIMED, DONE, FAILED = "claimed", "done", "failed"
RECEIPT_SUFFIX, ERROR_SUFFIX = ".receipt.json", ".error.json"
MOST_AT_ONCE = 1000
_LONGEST_NAME = 200
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class DropFolder:
    """One folder, already checked against the county's roots. One process at a time works on it.

    Raises RetryableError HUB-9031 when the folder cannot be read or written.
    """

    root: Path
    pattern: str
    stable_seconds: float = 2.0
    control: str | None = None
    """Name of a file that must stand beside it first, such as `{name}.ok` or `{stem}.ctl`."""
    largest_bytes: int = 10 * 2**20
    sleep: Callable[[float], None] = time.sleep

    def claim(self) -> list[str]:
        """Names under claim: those of an earlier run that ended early, then what is ready now."""
        with _folder_errors():
            for name in (CLAIMED, DONE, FAILED):
                _make(self.root / name)
            left = sorted(self._regular(self.root / CLAIMED))
            ready = [name for name in self._ready() if name not in left]
            for name in ready:
                os.rename(self.root / name, self.root / CLAIMED / name)
            return [*left, *ready]

    def _ready(self) -> list[str]:
        found = {name: size for name, size in self._regular(self.root).items() if fnmatchcase(name, self.pattern)}
        if self.control is not None:
            present = {entry.name for entry in os.scandir(self.root)}
            return sorted(name for name in found if self._control_name(name) in present)
        if found and self.stable_seconds:
            self.sleep(self.stable_seconds)
        again = self._regular(self.root)
        return sorted(name for name, size in found.items() if again.get(name) == size)[:MOST_AT_ONCE]

    def _control_name(self, name: str) -> str:
        return str(self.control).replace("{name}", name).replace("{stem}", Path(name).stem)

    def _regular(self, folder: Path) -> dict[str, tuple[int, int]]:
        """Plain files with size and time of change. Links, hidden files and odd names are never touched."""
        found = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_proper(entry.name) and entry.is_file(follow_symlinks=False):
                    about = entry.stat(follow_symlinks=False)
                    found[entry.name] = (about.st_size, about.st_mtime_ns)
        return found

    def read(self, name: str) -> bytes:
        """The bytes of a claimed file. Raises RejectedError HUB-4034 when it is too large or no plain file."""
        with _folder_errors():
            descriptor = os.open(self.root / CLAIMED / name, os.O_RDONLY | _NO_LINKS)
            with os.fdopen(descriptor, "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode) or about.st_size > self.largest_bytes:
                    raise RejectedError("HUB-4034", f"文件超过 {self.largest_bytes} 字节，或不是普通文件")
                return file.read(self.largest_bytes + 1)

    def finish(self, name: str, report: Mapping[str, Any], *, failed: bool) -> None:
        """Writes what became of the file, then puts it away; an interruption between the two is repeated."""
        folder, suffix = (FAILED, ERROR_SUFFIX) if failed else (DONE, RECEIPT_SUFFIX)
        with _folder_errors():
            target = _free_name(self.root / folder, name)
            _write(self.root / folder / (target + suffix), report)
            os.rename(self.root / CLAIMED / name, self.root / folder / target)
            if self.control is not None:
                (self.root / self._control_name(name)).unlink(missing_ok=True)


def _is_proper(name: str) -> bool:
    return (
        not name.startswith(".") and len(name) <= _LONGEST_NAME and name.isprintable() and "/" not in name
        and "\\" not in name and not name.endswith((RECEIPT_SUFFIX, ERROR_SUFFIX))
    )  # fmt: skip


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise RejectedError("HUB-4022", f"文件夹中的 {folder.name} 是链接，不能使用")


def _free_name(folder: Path, name: str) -> str:
    """The name itself, or with a number where a file of that name was put away before."""
    stem, suffix = Path(name).stem, Path(name).suffix
    candidate, number = name, 1
    while (folder / candidate).exists():
        number += 1
        candidate = f"{stem}.{number}{suffix}"
    return candidate


def _write(path: Path, report: Mapping[str, Any]) -> None:
    """Whole or not at all; a link that somebody put in its place is replaced, not followed."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(report, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


@contextmanager
def _folder_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise RetryableError("HUB-9031", "文件夹不能读写：不存在、没有权限、磁盘已满或共享断开") from exc
