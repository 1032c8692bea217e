"""The screen before any XML tree is built: form, size and shape of a message, and who sent it.

expat reads the UTF-8 once. It calls back for every element only up to the body, or in a message whose bytes look as if
one of the limits could be broken: a callback per element costs more than everything else at the door together.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import methodcaller
from types import MappingProxyType
from xml.parsers import expat

from lxml import etree

from adapters.xml_text import hardened_parser
from hub.domain.errors import RejectedError
from hub.gateway.soap_envelope import WSSE_NS, SoapVersion
from hub.gateway.wsse import TokenCollector, UsernameToken

_SEPARATOR = " "
_SECURITY = f"{WSSE_NS}{_SEPARATOR}Security"
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")


@dataclass(frozen=True, slots=True)
class ShapeLimits:
    """What no honest message comes near."""

    depth: int = 32
    elements: int = 201_000  # 1,000 records of 200 elements, and the envelope
    attributes_per_element: int = 64
    namespaces_in_scope: int = 200
    name_characters: int = 128


@dataclass(slots=True)
class Scan:
    """What the screen saw, as far as it came: kept up to date so that a fault can answer in the sender's version."""

    version: SoapVersion | None = None
    token: UsernameToken | None = None


def scan(content: bytes, limits: ShapeLimits, found: Scan) -> None:
    """Raises RejectedError HUB-1001, 1005, 1006, 1007, 1015, and HUB-2001 for a broken UsernameToken."""
    watch = _Watch(limits, found, every_element=_may_break(content, limits))
    try:
        watch.parser.Parse(content, True)
    except expat.ExpatError as exc:
        raise _malformed(exc, content) from exc
    finally:
        watch.close()
    found.token = watch.collector.token()


def parse(content: bytes, limits: ShapeLimits) -> etree._Element:
    """The tree of a scanned message. Raises RejectedError HUB-1007, also where the parser's own limits are lower."""
    try:
        root = etree.fromstring(content, hardened_parser())
    except etree.XMLSyntaxError as exc:
        raise RejectedError("HUB-1007", "报文结构超过 XML 解析器的限制（单个文本过长或嵌套过深）") from exc
    if root.xpath("boolean(" + "/*" * (limits.depth + 1) + ")"):
        raise _too_much("嵌套层数", limits.depth)
    return root


def _may_break(content: bytes, limits: ShapeLimits) -> bool:
    """Counts bytes: never False for a message that breaks a limit other than depth, seldom True for an honest one."""
    if (
        content.count(b"<") - content.count(b"</") > limits.elements
        or content.count(b"xmlns") > limits.namespaces_in_scope
    ):
        return True
    if re.search(rb"<[^\s<>/]{%d}" % (limits.name_characters + 1), content):
        return True
    if content.count(b"=") <= limits.attributes_per_element:
        return False
    # An attribute value cannot hold "<", so no tag is cut in two here.
    most: int = max(map(methodcaller("count", b"="), content.split(b"<")))
    return most > limits.attributes_per_element


def _too_much(what: str, limit: int) -> RejectedError:
    return RejectedError("HUB-1007", f"报文的{what}超过上限 {limit}")


_ERRORS = expat.errors
_BAD_CHARACTER = frozenset({_ERRORS.codes[_ERRORS.XML_ERROR_BAD_CHAR_REF]})
_ENTITY = frozenset({_ERRORS.codes[_ERRORS.XML_ERROR_UNDEFINED_ENTITY]})
_SPECIAL: Mapping[int, tuple[str, str]] = MappingProxyType(
    dict.fromkeys(_BAD_CHARACTER, ("HUB-1006", "含有 XML 不允许的字符引用"))
    | dict.fromkeys(_ENTITY, ("HUB-1001", "含有没有定义的实体引用，需要的字符请直接写"))
)


def _malformed(error: expat.ExpatError, content: bytes) -> RejectedError:
    place = f"（第 {error.lineno} 行第 {error.offset + 1} 列）"
    if error.code in _SPECIAL:
        code, text = _SPECIAL[error.code]
        return RejectedError(code, text + place)
    if _CONTROL.search(content):
        return RejectedError("HUB-1006", "含有 XML 不允许的控制字符" + place)
    return RejectedError("HUB-1001", "正文不是格式良好的 XML，或在中途截断" + place)


class _Watch:
    """One expat parser and its handlers."""

    def __init__(self, limits: ShapeLimits, found: Scan, *, every_element: bool) -> None:
        self._limits = limits
        self._found = found
        self._every_element = every_element
        self._depth = self._elements = self._namespaces = 0
        self.collector = TokenCollector()
        self.parser = parser = expat.ParserCreate("utf-8", _SEPARATOR)
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.ProcessingInstructionHandler = _refuse_instruction
        parser.StartNamespaceDeclHandler = self._namespace
        parser.EndNamespaceDeclHandler = self._namespace_end
        self._follow(self._start, self._end)

    def close(self) -> None:
        """Parser and watch hold each other; the parser's buffer must not wait for the garbage to be collected."""
        self._follow(None, None)
        self.parser.StartNamespaceDeclHandler = self.parser.EndNamespaceDeclHandler = None

    def _follow(
        self,
        start: Callable[[str, list[str]], None] | None,
        end: Callable[[str], None] | None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        self.parser.StartElementHandler = start
        self.parser.EndElementHandler = end
        self.parser.CharacterDataHandler = text

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth < 4:
            self._top(name)
        if attributes or len(name) > self._limits.name_characters or self._elements > self._limits.elements:
            self._measure(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _top(self, name: str) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        if self._depth == 1:
            self._found.version = SoapVersion.of_namespace(namespace)
        elif self._depth == 2 and local == "Body" and not self._every_element:
            self._follow(None, None)
        elif self._depth == 3 and name == _SECURITY:
            self._follow(self._start_in_security, self._end_in_security, self.collector.text)

    def _measure(self, name: str, attributes: list[str]) -> None:
        limits = self._limits
        if self._elements > limits.elements:
            raise _too_much("元素个数", limits.elements)
        if len(attributes) > limits.attributes_per_element * 2:
            raise _too_much("单个元素的属性个数", limits.attributes_per_element)
        names = [name, *attributes[::2]]
        if any(len(written.rpartition(_SEPARATOR)[2]) > limits.name_characters for written in names):
            raise _too_much("名称字符数", limits.name_characters)

    def _start_in_security(self, name: str, attributes: list[str]) -> None:
        self._start(name, attributes)
        self.collector.start(name, attributes)

    def _end_in_security(self, name: str) -> None:
        self._depth -= 1
        if name == _SECURITY and self._depth == 2:
            self._follow(self._start, self._end)
        else:
            self.collector.end()

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self._namespaces += 1
        if self._namespaces > self._limits.namespaces_in_scope:
            raise _too_much("命名空间声明个数", self._limits.namespaces_in_scope)

    def _namespace_end(self, prefix: str | None) -> None:
        self._namespaces -= 1


def _refuse_doctype(name: str, system_id: str | None, public_id: str | None, has_internal_subset: bool) -> None:
    raise RejectedError("HUB-1005", "报文中不允许有 DOCTYPE 声明")


def _refuse_instruction(target: str, data: str) -> None:
    raise RejectedError("HUB-1015", "报文中不允许有处理指令")
