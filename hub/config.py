"""Settings: the one reader of the environment. docs/operations.md documents every field; a test keeps both equal."""

import os
import re
import secrets
from pathlib import Path
from typing import Self
from urllib.parse import quote

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ONE_MIB = 1024 * 1024
_KEY_BYTES = 32


class Settings(BaseSettings):
    """All settings, from `HUB_*` variables. Frozen: read once at start and passed down."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="数据目录：内嵌数据库、密钥文件")
    database_url: str = Field("", description="数据库地址；空 = 数据目录下的 SQLite")
    database_password_file: FilePath | None = Field(None, description="数据库密码文件；地址中写用户名而不写密码时用")
    broker_url: str = Field(
        "db://", pattern=r"^(db://|amqps?://\S+)$",
        description="队列；db:// = 用数据库作队列；amqp://用户:密码@主机/虚拟主机，多台用逗号分隔（须用 PostgreSQL）",
    )  # fmt: skip
    broker_password_file: FilePath | None = Field(None, description="队列密码文件；地址中写用户名而不写密码时用")
    public_url: str = Field("", description="对外地址，写入 WSDL；空 = http://监听地址:端口")
    secret_key: SecretStr | None = Field(None, description="加密密钥（任意长文本）；空 = 用密钥文件")
    secret_key_file: Path | None = Field(None, description="密钥文件；空 = 数据目录下 secret.key，首次启动时生成")
    county_name: str = Field("", description="县名，显示在页面标题前")
    area_code: str = Field("000000", pattern="^[0-9]{6}$", description="县行政区划代码（6 位），用于统一办件编号")
    max_body_bytes: int = Field(10 * ONE_MIB, ge=1024, description="报文最大字节数")
    max_records: int = Field(1000, ge=1, le=1000, description="一个报文最多记录数")
    max_attachment_bytes: int = Field(
        10 * ONE_MIB, ge=1024, description="一个附件最大字节数；随报文传送，所以也受报文最大字节数限制"
    )
    body_deadline_seconds: float = Field(60, gt=0, description="收完一个报文的最长秒数")
    door_threads: int = Field(4, ge=1, description="处理报文的线程数")
    door_queue: int = Field(200, ge=2, description="排队等待的报文上限，超过则回 503；一个报送方至多占一半")
    door_bytes: int = Field(128 * ONE_MIB, ge=ONE_MIB, description="同时在内存中的正文字节上限，超过则回 503")
    sender_rate: float = Field(1000, gt=0, description="一个报送方每秒报文数上限，超过则回 429")
    sender_burst: int = Field(2000, ge=1, description="一个报送方可以突发的报文数")
    late_hours: float = Field(24, gt=0, le=8760, description="办理后超过多少小时才报来算迟报（数据质量）")
    max_backlog: int = Field(100_000, ge=1, description="已接收未处理的报文上限，超过则回 503")
    min_free_mb: int = Field(
        500, ge=0, description="数据目录所在磁盘的最少可用空间（MiB），不足则回 503；只看内嵌数据库"
    )
    pull_allow: str = Field(
        "",
        description="拉取可以连接的主机:端口，逗号分隔，例如 10.1.2.3:5432,10.2.0.0/16:443,*.a.example:80；空 = 不许",
    )
    pull_folders: str = Field("", description="拉取文件的文件夹只能在这些文件夹之内，逗号分隔；空 = 数据目录下的 pull")
    adapter_four_eyes: bool = Field(False, description="适配器须由编写者以外的人启用")
    poll_seconds: float = Field(0.2, gt=0, description="队列与计时器空闲时的轮询间隔（秒）")
    session_idle_minutes: int = Field(30, ge=1, description="页面登录空闲超时（分钟）")
    session_hours: int = Field(10, ge=1, description="页面登录最长时间（小时）")
    log_level: str = Field("INFO", description="日志级别")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="hub work、relay、watch 的指标与体检端口；0 = 不开（hub serve 用自己的端口）"
    )
    metrics_host: str = Field("127.0.0.1", description="上述端口的监听地址")
    failpoints: str = Field("", description="故障注入，只供测试；生产必须为空")

    @model_validator(mode="after")
    def _broker_needs_postgresql(self) -> Self:
        # one SQLite file has one writer: a broker in front of it would only add a second place to look
        if not self.queue_is_table and not self.database_url.startswith("postgresql"):
            raise ValueError("HUB_BROKER_URL=amqp:// 须与 PostgreSQL 的 HUB_DATABASE_URL 一起使用")
        return self

    @property
    def queue_is_table(self) -> bool:
        """Whether workers take messages from the outbox table itself."""
        return self.broker_url == "db://"

    def database(self) -> str:
        address = self.database_url or f"sqlite:///{self.data_dir.resolve() / 'hub.db'}"
        return _with_password(address, self.database_password_file)

    def pull_roots(self) -> list[Path]:
        """Folders below which departments' files may be pulled from."""
        named = [Path(text.strip()) for text in self.pull_folders.split(",") if text.strip()]
        return named or [self.data_dir / "pull"]

    def broker(self) -> str:
        return _with_password(self.broker_url, self.broker_password_file)

    def secret(self) -> bytes:
        """The secret from which all keys derive. Raises FileNotFoundError when `hub init` never ran."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        return self._key_path().read_bytes()

    def ensure_secret(self) -> None:
        """Makes the key file where no key is given and none exists; readable by its owner only."""
        if self.secret_key is not None or self._key_path().exists():
            return
        self._key_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._key_path(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_KEY_BYTES))

    def _key_path(self) -> Path:
        return self.secret_key_file or self.data_dir / "secret.key"


def _with_password(address: str, file: Path | None) -> str:
    """The address, or several, with the file's password behind each user name that has none."""
    if file is None:
        return address
    password = quote(file.read_text(encoding="utf-8").strip(), safe="")
    return re.sub(r"(?<=://)([^:@/?,]+)@", lambda found: f"{found[1]}:{password}@", address)


def unknown_variables() -> list[str]:
    """`HUB_*` variables that nothing reads: a misspelt setting would otherwise silently keep its default."""
    known = {f"HUB_{name.upper()}" for name in Settings.model_fields} | _NOT_SETTINGS
    return sorted(name for name in os.environ if name.startswith("HUB_") and name not in known)


_NOT_SETTINGS = frozenset({"HUB_TEST_POSTGRES", "HUB_TEST_RABBITMQ", "HUB_CHROMIUM"})
