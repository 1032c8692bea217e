"""Settings: the one reader of the environment. docs/operations.md documents every field; a test keeps both equal."""

import os
import secrets
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ONE_MIB = 1024 * 1024
_KEY_BYTES = 32


class Settings(BaseSettings):
    """All settings, from `HUB_*` variables. Frozen: read once at start and passed down."""

    model_config = SettingsConfigDict(env_prefix="HUB_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("var"), description="数据目录：内嵌数据库、密钥文件")
    database_url: str = Field("", description="数据库地址；空 = 数据目录下的 SQLite")
    broker_url: str = Field("db://", pattern="^db://$", description="队列；目前只有 db:// = 用数据库作队列")
    public_url: str = Field("", description="对外地址，写入 WSDL；空 = http://监听地址:端口")
    secret_key: SecretStr | None = Field(None, description="加密密钥（任意长文本）；空 = 用密钥文件")
    secret_key_file: Path | None = Field(None, description="密钥文件；空 = 数据目录下 secret.key，首次启动时生成")
    county_name: str = Field("", description="县名，显示在页面标题前")
    area_code: str = Field("000000", pattern="^[0-9]{6}$", description="县行政区划代码（6 位），用于统一办件编号")
    max_body_bytes: int = Field(10 * ONE_MIB, ge=1024, description="报文最大字节数")
    max_records: int = Field(1000, ge=1, le=1000, description="一个报文最多记录数")
    body_deadline_seconds: float = Field(60, gt=0, description="收完一个报文的最长秒数")
    door_threads: int = Field(4, ge=1, description="处理报文的线程数")
    door_queue: int = Field(200, ge=1, description="排队等待的报文上限，超过则回 503")
    poll_seconds: float = Field(0.2, gt=0, description="队列与计时器空闲时的轮询间隔（秒）")
    session_idle_minutes: int = Field(30, ge=1, description="页面登录空闲超时（分钟）")
    session_hours: int = Field(10, ge=1, description="页面登录最长时间（小时）")
    log_level: str = Field("INFO", description="日志级别")

    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'hub.db'}"

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


def unknown_variables() -> list[str]:
    """`HUB_*` variables that nothing reads: a misspelt setting would otherwise silently keep its default."""
    known = {f"HUB_{name.upper()}" for name in Settings.model_fields} | _NOT_SETTINGS
    return sorted(name for name in os.environ if name.startswith("HUB_") and name not in known)


_NOT_SETTINGS = frozenset({"HUB_TEST_POSTGRES", "HUB_TEST_RABBITMQ", "HUB_CHROMIUM"})
