"""XML as text, before any tree: what every reader of a body does first, at the door and again in the worker."""

import re

from lxml import etree

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_SURROGATE_PAIR = re.compile(
    rb"&#(?:[xX]([dD][89abAB][0-9a-fA-F]{2})|(5[56][0-9]{3}));&#(?:[xX]([dD][c-fC-F][0-9a-fA-F]{2})|(5[67][0-9]{3}));"
)


def hardened_parser() -> etree.XMLParser:
    """For UTF-8 without declaration: no entities, no DTD, no network, no huge trees. One parser per call."""
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        no_network=True, huge_tree=False, recover=False, remove_pis=True, remove_comments=True, collect_ids=False,
    )  # fmt: skip


def without_declaration(text: str) -> str:
    """XML text without byte order mark and XML declaration: its encoding no longer speaks for the text."""
    text = text.removeprefix("\ufeff")
    declaration = _DECLARATION.match(text)
    return text[declaration.end() :] if declaration else text


def with_joined_surrogates(content: bytes) -> bytes:
    """UTF-8 in which a pair of references to UTF-16 halves is the one character that was meant.

    Axis 1.4 writes names like 𬭎 that way, which no XML parser takes.
    """
    return _SURROGATE_PAIR.sub(_joined, content) if b"&#" in content else content


def _joined(pair: re.Match[bytes]) -> bytes:
    high = int(pair[1], 16) if pair[1] else int(pair[2])
    low = int(pair[3], 16) if pair[3] else int(pair[4])
    if not 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return pair[0]
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00).encode()
