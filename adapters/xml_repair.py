"""Mends XML that was put together by string concatenation, without guessing at any value.

Two wounds are known: `&` and `<` that were never escaped, and `CDATA[…]` that lost its `<!` and one bracket
(the attachment documents of the Jiangsu front-end tables).
"""

import re

_LOST_CDATA = re.compile(r"(?<!\[)\bCDATA\[([^\[\]<]*)\](?!\])")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)")
_BARE_LESS_THAN = re.compile(r"<(?!/?[A-Za-z_\u4e00-\u9fff][\w.\-:]*[\s/>]|/[A-Za-z_\u4e00-\u9fff]|!\[CDATA\[|!--|\?)")
_CDATA = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->", re.DOTALL)


def repaired(text: str, wound: str) -> str:
    """`wound` is `CDATA[` or `markup`. Linear in the text."""
    if wound == "CDATA[":
        return _LOST_CDATA.sub(lambda found: found[1], text)
    return _outside_cdata(text)


def _outside_cdata(text: str) -> str:
    parts, at = [], 0
    for kept in _CDATA.finditer(text):
        parts += [_escaped(text[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return _BARE_LESS_THAN.sub("&lt;", _BARE_AMPERSAND.sub("&amp;", text))
