"""Where on this machine departments may leave files: the folders that the county named, and nothing beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.domain.errors import RejectedError


@dataclass(frozen=True, slots=True)
class Folders:
    """Roots below which folders and file databases may stand; empty: none."""

    roots: tuple[Path, ...] = ()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "Folders":
        return cls(tuple(path.expanduser().resolve() for path in paths))

    def require(self, path: Path) -> Path:
        """The path without links. Raises RejectedError HUB-4022 when it leads out of every root."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as exc:  # a ring of links, a NUL in the name
            raise _refusal() from exc
        if not path.is_absolute() or not any(real == root or root in real.parents for root in self.roots):
            raise _refusal()
        return real


def _refusal() -> RejectedError:
    return RejectedError("HUB-4022", "文件夹须是绝对路径，并在 HUB_PULL_FOLDERS 所列的文件夹之内")
