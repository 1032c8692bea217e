"""Our stylesheet and script, and the vendored ones, each under an address that changes with its content."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hub.console.security_headers import protect_asset

STATIC_PATH = "/static"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    digest: str


class StaticFiles:
    """A closed list of files read once: an address can only be one of them, so it can reach nothing else."""

    def __init__(self) -> None:
        root = files("hub.console").joinpath("static")
        self._assets = dict(_read(root, ""))
        manifest = json.loads(root.joinpath("vendor", "MANIFEST.json").read_text("utf-8"))
        self._vendored = {entry["file"].rsplit("/", 1)[1]: entry["file"] for entry in manifest["files"]}

    def own(self, name: str) -> str:
        """Address of one of our own files. Raises KeyError when there is no such file."""
        return f"{STATIC_PATH}/{name}?v={self._assets[name].digest}"

    def vendored(self, name: str) -> str:
        """Address of a vendored file by its bare name; the directory carries package and version."""
        return f"{STATIC_PATH}/vendor/{self._vendored[name]}"

    async def serve(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["path"])
        if asset is None:
            return protect_asset(PlainTextResponse("没有这个文件", status_code=404))
        response = Response(asset.content, media_type=asset.media_type)
        is_versioned = request.path_params["path"].startswith("vendor/") or "v" in request.query_params
        response.headers["Cache-Control"] = _FOREVER if is_versioned else "no-cache"
        return protect_asset(response)


def _read(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        if entry.is_dir():
            found += _read(entry, f"{name}/")
        else:
            found.append((name, _asset(name, entry.read_bytes())))
    return found


def _asset(name: str, content: bytes) -> Asset:
    suffix = name[name.rfind(".") :]
    media_type = _MEDIA_TYPES.get(suffix, "text/plain")
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])
