"""Code lists of contract §3. An unknown foreign code becomes the fallback; the foreign code is kept beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class CodeList:
    """A closed list of tokens with their Chinese titles."""

    name: str
    titles: Mapping[str, str]
    fallback: str

    def title(self, token: str) -> str:
        return self.titles.get(token, "未知代码")


UNKNOWN = "UNKNOWN"
OTHER = "OTHER"


def _codes(name: str, fallback: str = UNKNOWN, **titles: str) -> CodeList:
    return CodeList(name, MappingProxyType(titles), fallback)


ITEM_TYPE = _codes(
    "itemType", XK="行政许可", SP="非行政许可审批", CF="行政处罚", QZ="行政强制", ZS="行政征收", GF="行政给付",
    JL="行政奖励", QR="行政确认", ZY="行政征用", CJ="行政裁决", JG="行政监管", JD="行政监督", DL="代理事项",
    FW="便民服务", QT="其他",
)  # fmt: skip
ORG_NATURE = _codes(
    "orgNature", STATUTORY="法定机关", AUTHORISED="授权组织", ENTRUSTED="受委托单位", OTHER="其他", fallback=OTHER
)
HANDLING_CLASS = _codes(
    "handlingClass", INSTANT="即办件", PROMISE="承诺件", SUPPLEMENT="补办件", FORWARD="上报件", JOINT="联办件"
)
LIMIT_UNIT = _codes(
    "limitUnit", WORKING_DAY="工作日", CALENDAR_DAY="自然日", WORKING_HOUR="工作小时", MONTH="月", YEAR="年"
)
STEP_STATUS = _codes(
    "stepStatus", ACCEPTED="受理", RUNNING="正在处理", PASSED="通过", OVERRULED="否决", RETURNED="退回",
    PAUSED="暂停", SUPPLEMENT="补正", ABORTED="中止",
)  # fmt: skip
RESULT_STATUS = _codes(
    "resultStatus", GRANTED="许可(同意)", DENIED="不许可(不同意)", NOT_ACCEPTED="不予受理", WITHDRAWN="申请人撤回",
    VOIDED="作废", FORWARDED="转报", SUPPLEMENT_EXPIRED="补正逾期", OTHER="其他", fallback=OTHER,
)  # fmt: skip
SPECIAL_KIND = _codes(
    "specialKind", EXTENSION="延长审批", HEARING="听证", TENDER="招标", AUCTION="拍卖", INSPECTION="检验",
    TESTING="检测", QUARANTINE="检疫", APPRAISAL="鉴定", EXPERT_REVIEW="专家评审", SUPPLEMENT="补正",
    PAUSE="暂停", ESCALATION="上报上级", OTHER="其他", fallback=OTHER,
)  # fmt: skip
APPLY_METHOD = _codes(
    "applyMethod", COUNTER="窗口", ONLINE="网上", PHONE="电话", FAX="传真", TELEGRAM="电报", LETTER="信函",
    EMAIL="电子邮件", OTHER="其他", fallback=OTHER,
)  # fmt: skip
APPLICANT_TYPE = _codes(
    "applicantType", PERSON="自然人", ENTERPRISE="企业", INSTITUTION="事业单位", SOCIAL_ORGANISATION="社会组织",
    GOVERNMENT="行政机关", OTHER="其他", fallback=OTHER,
)  # fmt: skip
ID_TYPE = CodeList(
    "idType",
    MappingProxyType({
        "111": "居民身份证", "001": "统一社会信用代码", "114": "军官证", "414": "普通护照",
        "511": "台湾居民来往大陆通行证", "516": "港澳居民来往内地通行证", "999": "其他",
    }),
    fallback="999",
)  # fmt: skip

CODE_LISTS: Mapping[str, CodeList] = MappingProxyType({
    codes.name: codes
    for codes in (
        ITEM_TYPE, ORG_NATURE, HANDLING_CLASS, LIMIT_UNIT, STEP_STATUS, RESULT_STATUS, SPECIAL_KIND, APPLY_METHOD,
        APPLICANT_TYPE, ID_TYPE,
    )
})  # fmt: skip

CARD_LEVELS = MappingProxyType({"REMINDER": "预警", "YELLOW": "黄牌", "RED": "红牌"})
CARD_STATES = MappingProxyType({"OPEN": "生效", "REPLACED": "已被更高牌取代", "CLEARED": "已自动解除"})
CASE_STATES = MappingProxyType({
    "INCOMPLETE": "信息不全", "ACCEPTED": "在办", "SUPPLEMENT": "补正中", "SPECIAL": "特别程序中", "PAUSED": "暂停",
    "FINISHED": "办结", "NOT_ACCEPTED": "不予受理", "VOIDED": "作废", "WITHDRAWN": "撤回",
})  # fmt: skip
RECORD_STATES = MappingProxyType({
    "RECEIVED": "已收到", "QUEUED": "处理中", "STORED": "已入库", "QUARANTINED": "已隔离", "REJECTED": "已退回",
})  # fmt: skip
RECEIPT_STATES = MappingProxyType({
    "ACCEPTED": "全部接收", "PARTIAL": "部分接收", "REJECTED": "全部退回", "DUPLICATE": "重复报送",
})  # fmt: skip
ROLES = MappingProxyType({
    "system_admin": "系统管理员", "security_admin": "安全管理员", "auditor": "审计管理员", "it_staff": "信息中心人员",
    "supervisor": "监察人员", "department": "部门人员",
})  # fmt: skip
