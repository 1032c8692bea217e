"""Where in the text of a document a path stands."""

import yaml


def line_of(text: str, path: str) -> int | None:
    """Line, from 1, of the part that `path` (`routes/0/fields/caseNo`) names, or of its nearest part that is there.

    Only for a text that `adapters.document.read_mapping` has taken: it bounds what is built here.
    """
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return None
    line = None
    for name in path.split("/"):
        found = _part(node, name)
        if found is None:
            break
        mark, node = found
        line = mark.line + 1
    return line


def _part(node: yaml.Node | None, name: str) -> tuple[yaml.Mark, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark, value) for key, value in node.value if key.value == name), None)
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        part = node.value[int(name)]
        return part.start_mark, part
    return None
