"""Mends XML that was put together by string concatenation, without guessing at any value.

Three wounds are known: `&` and `<` that were never escaped, and `CDATA[…]` that lost its `<!` and one bracket (the
attachment documents of the Jiangsu front-end tables). What is well-formed already is never touched.
"""

import re
from collections.abc import Iterator

_LOST_CDATA = re.compile(r"(?<![\w\[])CDATA\[([^\[\]<]*)\](?!\])")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)")
_NAME = r"[A-Za-z_\u4e00-\u9fff][\w.\-:]{0,127}"
_CLOSING = re.compile(rf"</({_NAME})\s{{0,50}}>")
_LESS_THAN = re.compile(rf"<(?:/({_NAME})\s{{0,50}}>|({_NAME})(?=[\s/>])|\?)?")
_SECTIONS = {"<![CDATA[": "]]>", "<!--": "-->"}
_SECTION_START = re.compile(r"<!\[CDATA\[|<!--")
_LONGEST_TAG = 10_000


def without_lost_cdata(text: str) -> str:
    """`CDATA[QQ==]` as the whole of a value becomes `QQ==`. Linear in the text."""
    return _LOST_CDATA.sub(lambda found: found[1], text)


def with_escaped_marks(text: str) -> str:
    """`&` that begins no reference and `<` that begins no tag are escaped, also that of a Chinese word in brackets that
    is never closed: `样例<乙>商店`. Linear in the text."""
    closed = frozenset(_CLOSING.findall(text))
    return "".join(
        part if kept else _BARE_AMPERSAND.sub("&amp;", _escaped(part, closed)) for part, kept in _parts(text)
    )


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces; True for a CDATA section or a comment, which stay as they are."""
    at = 0
    while (start := _SECTION_START.search(text, at)) is not None:
        closing = _SECTIONS[start[0]]
        end = text.find(closing, start.end())
        if end < 0:  # nothing behind it can be a whole section of this kind, and no honest message has both
            break
        yield text[at : start.start()], False
        at = end + len(closing)
        yield text[start.start() : at], True
    yield text[at:], False


def _escaped(text: str, closed: frozenset[str]) -> str:
    def tag_or_sign(found: re.Match[str]) -> str:
        closing, opening = found[1], found[2]
        is_tag = opening and (opening.isascii() or opening in closed or _is_empty_tag(text, found.end()))
        if closing or is_tag or found[0] == "<?":
            return found[0]
        return "&lt;" + found[0][1:]

    return _LESS_THAN.sub(tag_or_sign, text)


def _is_empty_tag(text: str, behind_name: int) -> bool:
    """`<name … />`."""
    end = text.find(">", behind_name, behind_name + _LONGEST_TAG)
    return end > 0 and text[end - 1] == "/" and "<" not in text[behind_name:end]
