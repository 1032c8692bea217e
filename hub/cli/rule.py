"""`hub rule`: the rules in force."""

from hub.cli.desk import open_desk
from hub.cli.noun import Noun
from hub.cli.output import JsonFlag, write_json, write_rows
from hub.domain.codes import CARD_LEVELS
from hub.stores.rules import active_rule_documents

noun = Noun("监察规则：生效的版本")

_COLUMNS = (("code", "代码"), ("version", "版本"), ("levelTitle", "级别"), ("title", "名称"), ("legalBasis", "依据"))


@noun.verb("list")
def list_(as_json: JsonFlag = False) -> None:
    """列出生效的监察规则。

    \b
    示例：
      hub rule list
      hub rule list --json
    """
    with open_desk() as desk, desk.database.read() as unit:
        documents = active_rule_documents(unit)
    if as_json:
        write_json(documents)
        return
    write_rows([document | {"levelTitle": CARD_LEVELS[document["level"]]} for document in documents], _COLUMNS)
