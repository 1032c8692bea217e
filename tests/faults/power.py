"""Power cuts: data on a disk image of its own, of which only what was flushed survives.

The image is a loop device with an ext4 file system. What a program wrote and did not flush stands in the page cache of
that file system, not in the image; a copy of the image is what a disk holds after a power cut.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_OPTIONS = "loop,noatime,commit=300"  # no journal commit of the kernel's own while a copy is taken


@dataclass(slots=True)
class Disk:
    """A mounted image."""

    image: Path
    folder: Path
    cuts: int = 0

    def create(self, megabytes: int) -> None:
        with self.image.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.image)], check=True)
        self.folder.mkdir()
        self.mount()
        self.folder.chmod(0o711)

    def mount(self) -> None:
        subprocess.run(["mount", "-o", _OPTIONS, str(self.image), str(self.folder)], check=True)

    def flush(self) -> None:
        """What was made before the run began is on the disk."""
        subprocess.run(["sync", "--file-system", str(self.folder)], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", str(self.folder)], check=True)

    def take(self) -> Path:
        """The disk as a power cut at this moment leaves it. Whoever writes to it must stand still."""
        survivor = self.image.with_suffix(".cut")
        shutil.copyfile(self.image, survivor)
        return survivor

    def replace_by(self, survivor: Path) -> None:
        """Goes on with the survivor; nobody may use the disk any more."""
        self.cuts += 1
        self.unmount()
        survivor.replace(self.image)
        self.mount()


@contextmanager
def disk_mounted(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A fresh disk; needs root."""
    disk = Disk(folder / "disk.image", folder / "disk")
    disk.create(megabytes)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk.folder)], check=True)
