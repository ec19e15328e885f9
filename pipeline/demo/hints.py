"""What a newcomer can do while a demo runs: addresses, keys, and commands to paste."""

import shlex
from collections.abc import Mapping, Sequence

from rich.markup import escape

from pipeline.demo.services import ENCORE
from pipeline.demo.state import State
from pipeline.settings import Settings

_QUERY = (
    "SELECT name, sum(accounts) AS accounts, sum(negative) AS negative FROM v_trend_1d "
    "WHERE scope_kind = 'entity' GROUP BY name ORDER BY negative DESC LIMIT 10"
)


def look_around(state: State, settings: Settings, *, about: str, since: str) -> str:
    """Return the text, in rich's markup, that says where to look next.

    Args:
        state: The demo's folder.
        settings: Those of its services.
        about: A company to ask for.
        since: From which event time on, as `tapewatch trends --since` takes it.

    Returns:
        Some lines; holds the API key, which protects nothing but this demo.
    """
    api = f"http://{settings.web.host}:{settings.web.port}"
    key = state.secrets().api_key
    database = settings.database.url.get_secret_value()
    sections = {
        "Desk, in a browser (the address logs in)": [f"{api}/desk/login#key={key}"],
        "API": [
            f"curl -s -H 'Authorization: Bearer {key}' {api}/v1/alerts",
        ],
        "Database": [database],
        "In another shell, first": [f". {shlex.quote(str(state.env_file))}"],
        "Then, for trends": [f"tapewatch trends --entity {shlex.quote(about)} --since {since}"],
        "And, for SQL (docs/sql.md has more)": [f'psql "$TAPEWATCH_DATABASE__URL" -c "{_QUERY}"'],
    }
    return _laid_out(sections)


def own_webhook(state: State, *, shipped: bool) -> str:
    """Return the text, in rich's markup, that says how to get alerts by a webhook of one's own.

    Args:
        state: The demo's folder.
        shipped: Whether the recording is the demo's own and is over; then the encore is offered.

    Returns:
        Some lines.
    """
    env = f". {shlex.quote(str(state.env_file))}"
    sections = {
        "A webhook of your own, in another shell (prints a secret)": [
            env,
            "tapewatch subscribe http://127.0.0.1:9000/",
        ],
        "There, a receiver with that secret": ["tapewatch listen --port 9000 --secret whsec_..."],
    }
    if shipped:
        sections["In a third shell, the news of the day after; the alert goes to both"] = [
            env,
            f"tapewatch ingest {shlex.quote(str(ENCORE))}",
        ]
    return _laid_out(sections)


def _laid_out(sections: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for title, entries in sections.items():
        lines.append(f"[bold]{escape(title)}[/bold]")
        lines += [f"    {escape(entry)}" for entry in entries]
    return "\n".join(lines)
