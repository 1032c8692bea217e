"""What a selector of a unit can see, and what any language of selectors offers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.domain.errors import RejectedError

LONGEST_SELECTOR = 300
MOST_ENTRIES = 50_000
"""Entries of all lists of a message together."""


class Scope:
    """A unit, an entry of a list, or the whole document.

    `node` is its own part of the message, `root` the whole of it, `outer` what it stands in where the node itself does
    not know. `shared` keeps what is found once for the whole message, `inner` values of this unit that are XML
    themselves, as trees.
    """

    __slots__ = ("_language", "_names", "inner", "node", "outer", "root", "shared")

    def __init__(
        self,
        node: Any,
        root: Any,
        language: "Language",
        *,
        outer: "Scope | None" = None,
        shared: dict[Any, Any] | None = None,
    ) -> None:
        self.node = node
        self.root = root
        self.outer = outer
        self.shared: dict[Any, Any] = {} if shared is None else shared
        self.inner: dict[str, Scope | None] = {}
        self._language = language
        self._names: Mapping[str, Any] | None = None

    @property
    def names(self) -> Mapping[str, Any]:
        """The simple fields of the node by name (rows: in lower case)."""
        if self._names is None:
            self._names = self._language.names(self.node)
        return self._names

    def below(self, node: Any, language: "Language | None" = None) -> "Scope":
        return Scope(node, self.root, language or self._language, outer=self, shared=self.shared)


Select = Callable[[Scope], Any]
"""The first value: text, number, flag, or None."""
SelectMany = Callable[[Scope], Iterable[Scope]]
"""Every place, in the order of the message; as many as there are."""


@dataclass(frozen=True, slots=True)
class Language:
    """One of the ways to select. `names` are the simple fields of a node, `words` the names that a selector mentions.

    `compile` and `compile_many` take the selector and the namespaces by prefix, and raise RejectedError HUB-3022.
    """

    compile: Callable[[str, Mapping[str, str]], Select]
    compile_many: Callable[[str, Mapping[str, str]], SelectMany]
    names: Callable[[Any], Mapping[str, Any]]
    words: Callable[[str], Iterator[str]]


def refused(why: str) -> RejectedError:
    return RejectedError("HUB-3022", f"选择器不能用：{why}")


def require_short(text: str) -> str:
    """The selector without blanks around it."""
    text = text.strip()
    if not text or len(text) > LONGEST_SELECTOR:
        raise refused(f"应为 1 至 {LONGEST_SELECTOR} 个字符")
    return text


def once_per_message(key: object, select: Callable[[Scope], Any]) -> Callable[[Scope], Any]:
    """What is asked from the root is the same for every unit."""

    def remembered(scope: Scope) -> Any:
        if key not in scope.shared:
            scope.shared[key] = select(scope)
        return scope.shared[key]

    return remembered


def climbing(levels: int, select: Callable[[Scope], Any], nothing: Any) -> Callable[[Scope], Any]:
    """`../` before a selector, for nodes that do not know what they stand in."""

    def climb(scope: Scope) -> Any:
        around: Scope | None = scope
        for _ in range(levels):
            around = around.outer if around is not None else None
        return nothing if around is None else select(around)

    return climb
