"""Copies the console's browser assets from npm into the tree, each with its size, digest, version and licence.

    python tools/vendor_assets.py           npm ci, then writes hub/console/static/vendor
    python tools/vendor_assets.py --check   compares the committed files with their MANIFEST.json; needs no npm

Versions are decided in frontend/package.json alone; installing and running the hub need no Node.
"""

import argparse
import base64
import hashlib
import json
import shutil
import subprocess  # noqa: S404 - runs npm, with fixed arguments
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FRONTEND = ROOT / "frontend"
VENDOR = ROOT / "hub" / "console" / "static" / "vendor"
MANIFEST = VENDOR / "MANIFEST.json"

WANTED = {
    "bootstrap": ("dist/css/bootstrap.min.css", "LICENSE"),
    "htmx.org": ("dist/htmx.min.js", "LICENSE"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare the files with the manifest")
    if parser.parse_args().check:
        return report(differences())
    install()
    write()
    return report(differences())


def install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed")
    subprocess.run([npm, "ci", "--ignore-scripts"], cwd=FRONTEND, check=True)  # noqa: S603


def write() -> None:
    if VENDOR.exists():
        shutil.rmtree(VENDOR)
    entries = [entry for package, wanted in WANTED.items() for entry in _copy(package, wanted)]
    MANIFEST.write_text(json.dumps({"files": entries}, indent=2) + "\n", "utf-8")


def differences() -> list[str]:
    """What the committed files and their manifest disagree about."""
    entries = json.loads(MANIFEST.read_text("utf-8"))["files"]
    listed = {entry["file"]: entry for entry in entries}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()} - {MANIFEST.name}
    found = [f"not in the manifest: {name}" for name in sorted(present - set(listed))]
    found += [f"missing: {name}" for name in sorted(set(listed) - present)]
    both = sorted(present & set(listed))
    return found + [f"changed: {name}" for name in both if _digest(VENDOR / name) != listed[name]["sha384"]]


def report(found: list[str]) -> int:
    for line in found:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if found else 0


def _copy(package: str, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    source = FRONTEND / "node_modules" / package
    described = json.loads((source / "package.json").read_text("utf-8"))
    folder = VENDOR / f"{package}@{described['version']}"
    folder.mkdir(parents=True)
    copies = [Path(shutil.copyfile(source / name, folder / Path(name).name)) for name in wanted]
    return [_entry(copy, package, described) for copy in copies]


def _entry(path: Path, package: str, described: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": path.relative_to(VENDOR).as_posix(), "size": path.stat().st_size, "sha384": _digest(path),
        "package": package, "version": described["version"], "licence": described["license"],
    }  # fmt: skip


def _digest(path: Path) -> str:
    """As browsers write it in an integrity attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


if __name__ == "__main__":
    sys.exit(main())
