"""Every setting of tapewatch, read from the environment (prefix ``TAPEWATCH_``).

Built only in ``pipeline.runtime``. docs/settings.md lists each one; a test holds that.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pipeline.masking import Personal
from pipeline.oidc_settings import OidcSettings
from pipeline.setting_types import Brokers, Group, Secret

PREFIX = "TAPEWATCH_"

# What the detectors look back on, twice.
_DETECTION_DAYS = 60
_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}


def _postgresql(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    try:
        fits = parts.scheme in _SCHEMES and parts.port != 0
    except ValueError:  # a port that is no number
        fits = False
    if not fits:
        msg = "must be of the form postgresql://user:password@host:5432/database"
        raise ValueError(msg)
    return value


def _web_address(value: str | None) -> str | None:
    if value is not None and urlsplit(value).scheme not in {"http", "https"}:
        msg = "must be of the form https://host/desk"
        raise ValueError(msg)
    return value


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(word for word in (part.strip() for part in value.split(",")) if word)
    return value


class DatabaseSettings(Group):
    """PostgreSQL."""

    url: Annotated[SecretStr, AfterValidator(_postgresql)] = Field(
        default=SecretStr("postgresql://tapewatch@127.0.0.1:5432/tapewatch"),
        description="URL of the PostgreSQL database.",
    )
    pool_size: PositiveInt = Field(default=5, description="Connections kept open by a process.")
    statement_timeout_s: PositiveFloat = Field(
        default=30.0, description="A statement that takes longer is cancelled."
    )


class KafkaSettings(Group):
    """The Kafka cluster and the shape of the topics that `migrate` creates."""

    bootstrap_servers: Brokers = Field(
        default="127.0.0.1:9092",
        description="host:port[,host:port] of the brokers; an IPv6 address in brackets.",
    )
    group: str = Field(default="tapewatch", description="Consumer group of the workers.")
    partitions: PositiveInt = Field(
        default=4, description="Partitions of news.raw.v1: the most workers that can share it."
    )
    replication: PositiveInt = Field(default=1, description="Replicas of each topic.")
    retention_h: PositiveInt = Field(default=168, description="Hours that the topics keep.")
    session_timeout_s: PositiveInt = Field(
        default=20, description="A worker silent for longer loses its partitions."
    )
    tls: bool = Field(default=False, description="Speak TLS to the brokers, and verify them.")
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; else those of the system."
    )
    cert_file: Path | None = Field(default=None, description="PEM file of our own certificate.")
    key_file: Path | None = Field(default=None, description="PEM file of its key, if apart.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How to log in, over TLS: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    sasl_username: str | None = Field(default=None, description="Name to log in with.")
    sasl_password: Secret | None = Field(default=None, description="Password to log in with.")
    raw_topic: str = Field(default="news.raw.v1", description="Items as they came.")
    scored_topic: str = Field(default="news.scored.v1", description="Items with their analysis.")
    dead_letter_topic: str = Field(
        default="news.raw.v1.dlq", description="What could not be read or stored, with the reason."
    )

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        login = (self.sasl_mechanism, self.sasl_username, self.sasl_password)
        if any(login) and not all(login):
            msg = "sasl_mechanism, sasl_username and sasl_password go together"
            raise ValueError(msg)
        if self.sasl_mechanism and not self.tls:
            msg = "a login needs tls: it would go over the network in the clear"
            raise ValueError(msg)
        return self


class ModelSettings(Group):
    """The classifier and the gazetteer."""

    path: str = Field(
        default="shipped",
        description='"shipped", a folder, or a Hugging Face name of a sequence classifier.',
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where it runs.")
    max_batch_tokens: PositiveInt = Field(
        default=8192, description="Most padded tokens in one forward pass."
    )
    threads: int = Field(default=0, ge=0, description="CPU threads; 0 takes all cores.")
    int8: bool = Field(
        default=True, description="On a CPU, compute in 8 bits where the model is prepared for it."
    )
    companies: tuple[Path, ...] = Field(
        default=(), description="CSV files of your own companies (docs/settings.md)."
    )
    min_relevance: float = Field(
        default=0.7, ge=0, le=1, description="Less relevant items count for no market or topic."
    )
    min_entity_relevance: float = Field(
        default=0.45, ge=0, le=1, description="Less relevant items count for no company."
    )


class WorkerSettings(Group):
    """Micro-batches of the stream processor."""

    max_items: PositiveInt = Field(default=256, le=4096, description="Most items in one batch.")
    max_wait_s: PositiveFloat = Field(
        default=0.05, description="Longest wait for a batch to fill: latency against throughput."
    )
    reuse_copies: bool = Field(
        default=True, description="Copies within 72 h take the analysis of what they repeat."
    )
    new_unlisted_per_hour: PositiveInt = Field(
        default=2000,
        description="Most companies that no list has and that come anew in an hour of the stream.",
    )
    stalled_after_s: PositiveFloat = Field(
        default=300.0,
        description="A worker ends, to be started anew, when a partition stood still for so long.",
    )
    state_dir: Path = Field(
        default=Path(".tapewatch/worker"), description="Scratch folder of the stream processor."
    )


class IngestSettings(Group):
    """Limits on what enters."""

    feeds: Path | None = Field(default=None, description="TOML file that lists RSS/Atom feeds.")
    # More would not fit a message of 2 MiB at four bytes a character.
    max_text_chars: PositiveInt = Field(
        default=100_000,
        le=400_000,
        description="An item whose title and body are longer is a dead letter.",
    )
    max_future_s: PositiveFloat = Field(
        default=3600.0, description="An item dated further ahead of the clock is a dead letter."
    )


class DetectSettings(Group):
    """When alerts are looked for; thresholds are in the rules."""

    rules: Path | None = Field(
        default=None, description="TOML file of alert rules (docs/rules.md); else the shipped ones."
    )
    tick_s: PositiveFloat = Field(default=2.0, description="Seconds between two ticks.")
    sources_tick_s: PositiveFloat = Field(
        default=300.0, description="Seconds between looks for sources that fell silent."
    )
    lateness_s: float = Field(
        default=120.0, ge=0, description="How long detection waits for late items, in event time."
    )
    max_late_s: float = Field(
        default=86_400.0,
        ge=0,
        le=7 * 86_400,
        description="How late an item may come and still correct alerts, in event time.",
    )


class DeliverySettings(Group):
    """Webhooks."""

    tick_s: PositiveFloat = Field(default=1.0, description="Seconds between looks at the outbox.")
    timeout_s: PositiveFloat = Field(default=20.0, description="Longest wait for an endpoint.")
    allow_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Comma-separated hosts inside your network that may be sent to, also by http.",
    )
    desk_url: Annotated[str | None, AfterValidator(_web_address)] = Field(
        default=None,
        description="Where people reach the desk, such as https://watch.example/desk, for links.",
    )


def _enough_for_detection(days: int) -> int:
    if 0 < days < _DETECTION_DAYS:
        msg = f"detection needs {_DETECTION_DAYS} days; 0 keeps for ever"
        raise ValueError(msg)
    return days


class RetentionSettings(Group):
    """For how many days what is stored is kept; 0: for ever."""

    items_days: Annotated[int, AfterValidator(_enough_for_detection)] = Field(
        default=0, ge=0, description="Days that items are kept; 0: for ever."
    )
    trends_days: Annotated[int, AfterValidator(_enough_for_detection)] = Field(
        default=0, ge=0, description="Days that trend buckets are kept at least; 0: for ever."
    )
    alerts_days: int = Field(
        default=0, ge=0, description="Days that resolved alerts are kept; 0: for ever."
    )
    deliveries_days: int = Field(
        default=0, ge=0, description="Days that finished deliveries are kept; 0: for ever."
    )
    audit_days: int = Field(
        default=0, ge=0, description="Days that the audit log is kept; 0: for ever."
    )
    keep_evidence: bool = Field(
        default=True, description="Keep older items that are evidence of a kept alert."
    )


class PrivacySettings(Group):
    """What is masked in texts before anything is stored or produced."""

    mask: Annotated[tuple[Personal, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Comma-separated: email, phone, identity, account (docs/privacy.md).",
    )


class WebSettings(Group):
    """The HTTP API."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    api_key: Secret | None = Field(
        default=None, description="The first key of the API, which may do everything."
    )
    max_lag_s: PositiveFloat = Field(
        default=300.0, description="Not ready while a stored offset is older with work waiting."
    )
    max_body_bytes: PositiveInt = Field(default=5_000_000, description="Largest request.")
    max_streams: PositiveInt = Field(
        default=100, description="Most open streams of alerts, browsers included, of one process."
    )
    max_requests_per_min: PositiveInt = Field(
        default=3000, description="Most requests of one API key to one process."
    )
    max_refused_per_min: PositiveInt = Field(
        default=60, description="Most requests with a wrong key from one address to one process."
    )
    explain: bool = Field(
        default=True,
        description="Let the desk shade words; the first reader who asks makes it load the model.",
    )
    oidc: OidcSettings = OidcSettings()


class Settings(BaseSettings):
    """All settings; nested names are joined by two underscores."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    database: DatabaseSettings = DatabaseSettings()
    kafka: KafkaSettings = KafkaSettings()
    model: ModelSettings = ModelSettings()
    worker: WorkerSettings = WorkerSettings()
    ingest: IngestSettings = IngestSettings()
    detect: DetectSettings = DetectSettings()
    delivery: DeliverySettings = DeliverySettings()
    retention: RetentionSettings = RetentionSettings()
    privacy: PrivacySettings = PrivacySettings()
    web: WebSettings = WebSettings()
    secret_key: Secret | None = Field(
        default=None,
        description="Fernet key that encrypts webhook secrets (`tapewatch new-key` makes one).",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address that ingest, worker and scheduler show their metrics on.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Prometheus port of ingest, worker and scheduler; 0: none.",
    )
    log_json: bool = Field(default=False, description="JSON lines instead of text on stderr.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged."
    )


def known_variables() -> frozenset[str]:
    """Return the environment variable of every setting."""
    return frozenset(_variables_of(Settings, PREFIX))


def _variables_of(group: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in group.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _variables_of(inner, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"
