"""How fast adapters read: records per second of one core, for every shipped document, on the messages of its samples.

Beside each figure stands the floor of the same run on the same bytes: only the parser, and lxml element → dict.
"""

import argparse
import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree

from adapters.engine import CompiledAdapter, compile_adapter, sample_content
from adapters.library import shipped, shipped_document
from adapters.reading import Content
from bench.tables import Figure, print_figures

_TURNS = 5


def main() -> None:
    chosen = _arguments()
    for code in [chosen.adapter] if chosen.adapter else shipped():
        measure(compile_adapter(shipped_document(code)), chosen.seconds)


def measure(compiled: CompiledAdapter, seconds: float) -> None:
    messages = good_messages(compiled)
    records = sum(len(unit.outputs) for message in messages for unit in compiled.read(message).units)
    ours, floor = _best_by_turns(records, seconds, _reading(compiled, messages), _floor(messages))
    size = sum(len(message.body) for message in messages)
    print_figures(
        f"{compiled.code}（{len(messages)} 个报文，{records} 条记录，{size / records / 1024:.2f} KB/条）",
        [Figure("底线：只解析成字典", floor), Figure("适配器：读出并校验", ours, floor=floor)],
    )


def good_messages(compiled: CompiledAdapter) -> list[Content]:
    """Samples that are expected to give records, as the bytes that they stand for."""
    samples = [sample for sample in compiled.document["samples"] if "error" not in sample["expect"]]
    return [sample_content(sample) for sample in samples]


def _reading(compiled: CompiledAdapter, messages: Sequence[Content]) -> Callable[[], object]:
    return lambda: [compiled.read(message) for message in messages]


def _floor(messages: Sequence[Content]) -> Callable[[], object]:
    """The least that any adapter has to do with these bytes: each message as plain dicts."""
    parses = [(_parser_of(message.body), message.body) for message in messages]
    return lambda: [parse(body) for parse, body in parses]


def _parser_of(body: bytes) -> Callable[[bytes], object]:
    first = body.lstrip()[:1]
    charset = "utf-8" if _is_utf_8(body) else "gb18030"
    if first == b"<":
        forgiving = etree.XMLParser(recover=True)  # some samples are broken on purpose
        return lambda content: _as_dict(etree.fromstring(_as_utf_8(content, charset), forgiving))
    if first in (b"{", b"["):
        return lambda content: json.loads(content.decode(charset))
    return lambda content: list(csv.DictReader(io.StringIO(content.decode(charset))))


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_utf_8(body: bytes, charset: str) -> bytes:
    """A declaration that contradicts the bytes would stop the bare parser."""
    return body.decode(charset).partition("?>")[2].encode() if body.startswith(b"<?xml") else body


def _as_dict(node: etree._Element) -> Any:
    return {child.tag: _as_dict(child) for child in node} if len(node) else node.text


def _best_by_turns(records: int, seconds: float, *works: Callable[[], object]) -> list[float]:
    """The best of several turns of each, taken in turn: what else runs on the machine hits all alike."""
    best = [0.0] * len(works)
    for _ in range(_TURNS):
        for place, work in enumerate(works):
            best[place] = max(best[place], _rate(records, seconds / _TURNS, work))
    return best


def _rate(records: int, seconds: float, work: Callable[[], object]) -> float:
    """CPU time of this process, so that a busy machine does not count."""
    rounds, started = 0, time.process_time()
    while (spent := time.process_time() - started) < seconds or not rounds:
        work()
        rounds += 1
    return records * rounds / spent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="每个数字测多少秒")
    parser.add_argument("--adapter", choices=list(shipped()), help="只测一个适配器")
    return parser.parse_args()


if __name__ == "__main__":
    main()
