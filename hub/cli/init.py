"""`hub init`: creates or upgrades what a hub keeps."""

from hub.cli.desk import Desk, opened, read_settings
from hub.cli.output import JsonFlag, say, write_json
from hub.config import Settings
from hub.setup import prepare


def init(as_json: JsonFlag = False) -> None:
    """创建或升级数据库、密钥、默认日历和规则；可以重复运行。

    \b
    示例：
      hub init
      HUB_DATA_DIR=/srv/hub hub init
    """
    settings = read_settings()
    with opened(settings) as desk:
        prepare_hub(desk)
    if as_json:
        write_json({"dataDir": str(settings.data_dir), "database": database_kind(settings)})
    say(f"已就绪：数据目录 {settings.data_dir}，数据库 {database_kind(settings)}")


def prepare_hub(desk: Desk) -> None:
    """Key file, schema, calendar and rules; nothing that is there already is touched."""
    desk.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # names stand readable in the database
    desk.settings.ensure_secret()
    prepare(desk.database, desk.now())
    with desk.database.unit() as unit:
        desk.record(unit, "hub.init", ("hub", "database"))


def database_kind(settings: Settings) -> str:
    """Without address or password."""
    return "PostgreSQL" if settings.database().startswith("postgresql") else "SQLite"
