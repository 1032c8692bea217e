"""What the adapter pages call things: states, ways in, formats, policies, converters."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ADAPTER_STATES = MappingProxyType({
    "DRAFT": "草稿", "SANDBOX": "沙箱", "SHADOW": "试运行", "ACTIVE": "运行", "DISABLED": "停用",
})  # fmt: skip
UNMAPPED_STATES = MappingProxyType({"OPEN": "待对照", "MAPPED": "已对照", "IGNORED": "不需要"})
TRANSPORTS = MappingProxyType({
    "push": "对方推送（HTTP）", "soap_string": "字符串 SOAP", "table": "读前置机数据表", "rest": "读对方 REST 接口",
    "soap": "读对方 SOAP 服务", "files": "读文件夹",
})  # fmt: skip
FORMATS = MappingProxyType({"xml": "XML", "json": "JSON", "csv": "CSV", "xlsx": "Excel", "rows": "数据表的行"})
STORES = MappingProxyType({"PROCESS": "办理过程", "RESULT": "办理结果", "ITEM": "服务事项"})
CORRECTIONS = MappingProxyType({
    "byRevision": "以版本号为准（版本号高的更正旧的）", "byArrival": "以到达先后为准（内容不同即为更正）",
})  # fmt: skip
POLICIES: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType({
    "missingRequired": ("缺少必填项", {"quarantine": "隔离", "reject": "退回"}),
    "badValue": ("值不合规", {"flag": "可选项去掉并标注", "quarantine": "隔离", "reject": "退回"}),
    "unknownCode": ("代码没有对照", {"flag": "保留原值并标注", "quarantine": "隔离", "reject": "退回"}),
    "unknownField": ("有没见过的字段", {"ignore": "忽略", "flag": "标注", "quarantine": "隔离", "reject": "退回"}),
})  # fmt: skip
EXPRESSIONS = MappingProxyType({
    "from": "取自报文", "constant": "固定值", "template": "拼接", "firstOf": "依次取第一个有值的",
    "department": "取自适配器的部门", "digest": "由内容生成标识", "advanced": "高级（文档写法）",
})  # fmt: skip


ACT_HINTS = MappingProxyType({
    "sandbox": "对方可以试着报送，只回答结果，不入库", "shadow": "和现行版本同时读正式报文，只比较，不入库",
    "withdraw": "停止试用，接着修改", "activate": "几秒内对新报文生效，以前的版本保留，可以退回",
    "rollback": "用旧的内容建立新版本，立即生效", "disable": "对方会收到您写的说明，已收到的报文不受影响",
    "enable": "立即恢复接收",
})  # fmt: skip
ACT_TITLES = MappingProxyType({
    "save": "保存草稿", "sandbox": "进入沙箱", "shadow": "开始试运行", "withdraw": "退回草稿", "activate": "启用",
    "rollback": "回到旧版本", "disable": "停用", "enable": "恢复使用", "map": "对照代码", "ignore": "代码不需要对照",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Converter:
    """One of the closed list, as chosen on a form. `arguments` names the parts of its argument in order;
    `""` stands for an argument that is a single value, nothing for a converter that takes none."""

    title: str
    arguments: tuple[str, ...] = ()
    hint: str = ""
