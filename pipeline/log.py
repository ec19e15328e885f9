"""Structured logs on stderr, for our own lines and those of the libraries."""

import logging
import sys
import time
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

# They repeat one line for every attempt while a broker is away; we log each change of state.
_CHATTY = ("aiokafka", "kafka", "faust", "mode", "apscheduler", "httpx", "httpcore", "alembic")
# They log whole addresses, and an address of a webhook or a feed may be a secret.
_DISCREET = ("httpx", "httpcore")
# At DEBUG they log all that they send, logins too.
_TALKATIVE = ("aiokafka", "kafka")
# Its batches take longer than its commit timer's interval, which harms nothing.
_MEANINGLESS = ("mode.timers",)
# A client's step may take long on a busy machine; no reader can do anything about it.
_SLOW_STEP = ("kafka.net.selector", "It is blocking the event loop")
# A client that is closed while it asks for metadata calls that an error.
_CLOSED = ("kafka.cluster", "Metadata refresh: failed Cancelled")
# A job that takes longer than its interval misses turns, and the next one does their work too. How
# long jobs take, and how far detection is behind, stands in their metrics.
_MISSED_TURN = ("apscheduler.scheduler", "skipped: maximum number of running")
_REPEAT_AFTER_S = 60.0


class OncePerMinute(logging.Filter):
    """Lets the same message of the same logger pass at most once a minute."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        super().__init__()
        self._passed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record may pass."""
        key = (record.name, str(record.msg)[:80])
        now = time.monotonic()
        if now - self._passed_at.get(key, -_REPEAT_AFTER_S) < _REPEAT_AFTER_S:
            return False
        if len(self._passed_at) > 1000:  # messages with numbers in them: forget, not grow
            self._passed_at.clear()
        self._passed_at[key] = now
        return True


class _ChattyFilter(OncePerMinute):
    """Leaves our own records alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".", 1)[0] not in _CHATTY:
            return True
        if record.name == _SLOW_STEP[0] and _SLOW_STEP[1] in str(record.msg):
            return False
        if record.name == _MISSED_TURN[0] and _MISSED_TURN[1] in str(record.msg):
            return False
        if record.name == _CLOSED[0] and record.getMessage().startswith(_CLOSED[1]):
            return False
        return super().filter(record)


def configure(*, json: bool, level: str, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging to one place; may be called again.

    Args:
        json: One JSON object a line; else text for people.
        level: Least severity of our own lines; libraries say warnings and worse, at "debug"
            all but those that would log addresses or logins.
        stream: Where to; stderr unless given.
    """
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Without the values of variables, which both show by default: they hold texts and secrets.
    as_dict = ExceptionDictTransformer(show_locals=False)
    last: list[Processor] = (
        [structlog.processors.ExceptionRenderer(as_dict), structlog.processors.JSONRenderer()]
        if json
        else [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handler.addFilter(_ChattyFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        at_debug = logging.INFO if name in _TALKATIVE else logging.DEBUG
        logging.getLogger(name).setLevel(at_debug if level == "debug" else logging.WARNING)
    for name in _DISCREET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _MEANINGLESS:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
