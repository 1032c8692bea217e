"""The shape of a case's clock in answers, and what all shapes have in common."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Answer(BaseModel):
    """Nothing but what is declared; null where a value is not known."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class LimitOfClock(Answer):
    limit: int | None
    unit: str | None
    limit_source: str | None
    due_at: AwareDatetime | None


class Segment(Answer):
    from_: str = Field(alias="from")
    to: str
    kind: str
    days: int
    counted: float
    note: str


class DayOfClock(Answer):
    day: str
    kind: str
    counted: float
    note: str


class Stop(Answer):
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime | None
    reason: str
    capped: bool


class Clock(LimitOfClock):
    start: AwareDatetime | None
    start_source: str | None
    counted: float | None = Field(description="承诺期限已用去多少，单位同 unit")
    statutory: LimitOfClock
    provisional: bool
    stops: list[Stop]
    segments: list[Segment]
    days: list[DayOfClock]
    calendar_version: str
    policy_version: str
