"""What is told of adapters over REST."""

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hub.gateway.rest.clock_models import Answer
from hub.stores.adapters import ADAPTER_STATES, VERSION_STATES
from hub.stores.unmapped_codes import UNMAPPED_STATES


def _titles(states: Any) -> str:
    return "、".join(f"{token} {title}" for token, title in states.items())


class AdapterRow(Answer):
    id: int
    adapter: str = Field(description="代码；报送地址为 /api/v1/push/{adapter}")
    title: str
    sender: str | None
    transport: str
    state: str = Field(description=_titles(ADAPTER_STATES))
    state_title: str
    notice: str | None = Field(description="停用说明，调用方会读到")
    disabled_until: date | None
    created_at: AwareDatetime


class AdapterList(Answer):
    items: list[AdapterRow]
    next: str | None


class AdapterVersion(Answer):
    number: int
    state: str = Field(description=_titles(VERSION_STATES))
    state_title: str
    author: str
    created_at: AwareDatetime
    changed_at: AwareDatetime
    activated_by: str | None
    activated_at: AwareDatetime | None
    fingerprint: str = Field(description="含义的指纹：名称、说明、样例、次序不计")
    digest: str = Field(description="整个文档的摘要；PUT 时放在 If-Match 中")


class AdapterAct(Answer):
    act: str
    title: str
    version: int | None
    needs_reason: bool


class AdapterDetail(AdapterRow):
    version: int | None = Field(description="运行的版本")
    fingerprint: str | None
    acts: list[AdapterAct] = Field(description="现在可以办理的事")
    versions: list[AdapterVersion]
    events: list[dict[str, Any]]
    open_unmapped: int
    trial: dict[str, Any] | None


class AdapterDocument(AdapterVersion):
    adapter: str
    document: dict[str, Any]
    text: str = Field(description="同一文档的 YAML")


class AdapterChange(Answer):
    kind: str
    kind_title: str
    area: str
    subject: str
    before: str
    after: str


class AdapterChanges(Answer):
    items: list[AdapterChange]


class AdapterRehearsal(Answer):
    messages: int
    units: int
    accepted: int
    refused_messages: int
    changed_messages: int
    by_target: list[dict[str, Any]] = Field(description="与运行版本不同的字段及次数")
    by_issue: list[dict[str, Any]]
    samples: list[dict[str, Any]] = Field(description="文档自带的样例：name、passed、differences")


class UnmappedCodeRow(Answer):
    id: int
    adapter: str
    adapter_title: str
    code_map: str
    value: str
    target: str
    count: int
    first_seen_at: AwareDatetime
    last_seen_at: AwareDatetime
    state: str = Field(description=_titles(UNMAPPED_STATES))
    state_title: str
    settled_by: str | None
    reason: str | None


class UnmappedCodeList(Answer):
    items: list[UnmappedCodeRow]
    next: str | None


class MappedCode(Answer):
    adapter: str
    version: int
    activated: bool
    replay_job: int | None = Field(description="随后重放已收报文的任务")


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


_Number = Annotated[int, Field(ge=1, le=1_000_000)]


class ActAsked(_Asked):
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="版本号；省略则取可以办理的那一版"
    )
    reason: str = Field("", max_length=500, description="理由；停用时为调用方读到的说明")
    fingerprint: str = Field("", max_length=64, description="所看版本的指纹；与现在不同则拒绝")
    until: date | None = Field(None, description="停用时预计恢复的日期")


class MapAsked(_Asked):
    token: str = Field(min_length=1, max_length=32, description="标准代码")
    replay: bool = Field(True, description="随后重放这个适配器已收到的报文")


class IgnoreAsked(_Asked):
    reason: str = Field(min_length=1, max_length=500)
