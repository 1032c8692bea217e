"""Reads event logs (XES, IEEE 1849) case by case, so that a log of any length needs the memory of one case."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from lxml import etree

from hub.domain.errors import NotFoundError, RejectedError

MAX_EVENTS_PER_CASE = 100_000
MAX_ATTRIBUTES = 1_000
_GZIP_MAGIC = b"\x1f\x8b"

Attributes = Mapping[str, str]
"""Key to value as written. Types are the reader's business: the same log writes one fact as date here, text there."""


@dataclass(frozen=True, slots=True)
class LogCase:
    """One trace. `number` is its place in the file, from 1; events keep the order of the file."""

    number: int
    attributes: Attributes
    events: tuple[Attributes, ...]


def read_log(path: Path) -> Iterator[LogCase]:
    """Cases of a .xes file, plain or gzip (told by its first bytes, not by its name).

    Raises NotFoundError HUB-4043 and what `read_stream` raises.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
            file.seek(0)
            if packed:
                with gzip.open(file) as unpacked:
                    yield from read_stream(cast(IO[bytes], unpacked))
            else:
                yield from read_stream(file)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as exc:
        raise NotFoundError("HUB-4043", "找不到或无法打开事件日志文件") from exc


def read_stream(stream: IO[bytes]) -> Iterator[LogCase]:
    """Cases of a XES document. Events outside any trace belong to no case and are passed over.

    Raises RejectedError: HUB-1001 not XML or not XES, HUB-1002 empty, HUB-1005 DOCTYPE, HUB-1007 too large a case,
    HUB-1013 truncated. Cases before the broken place have been handed out by then.
    """
    with _errors_in_chinese():
        parser = etree.iterparse(
            stream,
            events=("start", "end"),
            load_dtd=False,
            no_network=True,
            resolve_entities=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        yield from _cases(cast(Iterable[tuple[str, etree._Element]], parser))


def _cases(parser: Iterable[tuple[str, etree._Element]]) -> Iterator[LogCase]:
    events: list[Attributes] = []
    number = depth = 0
    for phase, element in parser:
        if phase == "start":
            depth += 1
            if depth == 1:
                _check_root(element)
            continue
        name = _local_name(element)
        if depth == 3 and name == "event":
            _take_event(element, events)
        elif depth == 2:
            if name == "trace":
                number += 1
                yield LogCase(number, _attributes(element), tuple(events))
            events = []
            _forget(element)
        depth -= 1


def _take_event(element: etree._Element, events: list[Attributes]) -> None:
    if len(events) >= MAX_EVENTS_PER_CASE:
        raise RejectedError("HUB-1007", f"一个案例的事件过多，最多 {MAX_EVENTS_PER_CASE} 个")
    events.append(_attributes(element))
    element.clear()


def _attributes(element: etree._Element) -> Attributes:
    """Attributes of this element itself; attributes of attributes and lists carry no value of the case."""
    found: dict[str, str] = {}
    for child in element:
        key, value = child.get("key"), child.get("value")
        if key is not None and value is not None:
            found[key] = value
    if len(found) > MAX_ATTRIBUTES:
        raise RejectedError("HUB-1007", f"一个案例或事件的属性过多，最多 {MAX_ATTRIBUTES} 个")
    return found


def _forget(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _check_root(root: etree._Element) -> None:
    if cast(Any, root.getroottree().docinfo).internalDTD is not None:
        raise RejectedError("HUB-1005", "事件日志不得含有 DOCTYPE 声明")
    if _local_name(root) != "log":
        raise RejectedError("HUB-1001", "不是 XES 事件日志：根元素应为 log")


def _local_name(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2]


@contextmanager
def _errors_in_chinese() -> Iterator[None]:
    """The border at which errors of gzip and libxml2 are translated; their texts may quote the file, ours do not."""
    try:
        yield
    except EOFError as exc:
        raise RejectedError("HUB-1013", "压缩文件不完整，请重新下载或复制") from exc
    except (gzip.BadGzipFile, zlib.error) as exc:
        raise RejectedError("HUB-1001", "压缩文件已损坏，无法解压") from exc
    except etree.XMLSyntaxError as exc:
        raise _syntax_error(exc) from exc


def _syntax_error(error: etree.XMLSyntaxError) -> RejectedError:
    line, code = error.lineno or 0, cast(Any, error).code
    codes = cast(Any, etree.ErrorTypes)
    if code == codes.ERR_DOCUMENT_EMPTY:
        return RejectedError("HUB-1002", "文件是空的，或开头不是 XML")
    if code in (codes.ERR_TAG_NOT_FINISHED, codes.ERR_DOCUMENT_END):
        return RejectedError("HUB-1013", f"文件在第 {line} 行处中断，内容不完整")
    where = f"第 {line} 行" if line else "文件是空的、含有未定义的实体，或"
    return RejectedError("HUB-1001", f"{where}不是格式良好的 XML")
