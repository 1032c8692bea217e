"""The adapter documents that come with the product, one YAML file each in `adapters/library`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from adapters.document import load_document
from hub.domain.errors import NotFoundError


@cache
def shipped() -> Mapping[str, str]:
    """Code and title of every shipped adapter, in the order of the codes."""
    return MappingProxyType({code: str(load_document(text)["title"]) for code, text in sorted(_texts().items())})


def shipped_document(code: str) -> dict[str, Any]:
    """A fresh copy of a shipped document. Raises NotFoundError HUB-4045."""
    text = _texts().get(code)
    if text is None:
        raise NotFoundError("HUB-4045", "没有这个随产品提供的适配器")
    return load_document(text)


@cache
def _texts() -> Mapping[str, str]:
    folder = files("adapters").joinpath("library")
    documents = (entry for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8") for entry in documents}
