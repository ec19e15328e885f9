"""An event as one short message for people, in their language."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from alerts.delivery.chat import MAX_CHARS, Level
from alerts.types import Detector
from pipeline.catalogue import say
from pipeline.figures import figure, tell_end, times, window_hours

_SHOWN = 3
_NOTICE_LEVELS = {"subscription.test": Level.PLAIN, "source.resumed": Level.GOOD}
_LEVELS = {"critical": Level.BAD, "warning": Level.WARNING}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to chat and mail: plain text."""

    title: str
    text: str
    level: Level


def chat_message(event_type: str, body: str, *, language: str, desk_url: str | None) -> Message:
    """Write an event for people.

    Args:
        event_type: One of those that docs/webhooks.md lists.
        body: The JSON text that a webhook would get.
        language: "en" or "zh".
        desk_url: Where people reach the desk, such as ``https://watch.example/desk``; None
            leaves links to it out.

    Returns:
        A message of at most ``MAX_CHARS`` characters.
    """
    data = json.loads(body)["data"]
    writer = _Writer(language, desk_url)
    if event_type == "alert.digest":
        return writer.digest(data)
    if event_type.startswith("alert."):
        return writer.alert(event_type, data)
    return writer.notice(event_type, data)


class _Writer:
    def __init__(self, language: str, desk_url: str | None) -> None:
        self._language = language
        self._desk_url = desk_url

    def alert(self, event_type: str, data: dict[str, Any]) -> Message:
        resolved = event_type == "alert.resolved"
        attention = "_attention" if data["detector"] == Detector.ATTENTION_SURGE else ""
        figures = tell_end(self._language, data) if resolved else self._figures(data, attention)
        telling = [] if resolved else data["evidence"][:_SHOWN]
        related = data.get("related", ())
        lines = [f"{self._say('also_about')} {_names(related)}."] if related else []
        lines += [line for item in telling for line in self._evidence(item)]
        title = self._say(
            f"chat_{event_type.replace('.', '_')}{attention}",
            severity=self._severity(data["severity"]),
            name=_plain(data["scope"]["name"]),
        )
        level = Level.GOOD if resolved else _LEVELS[data["severity"]]
        return _message(title, figures, lines, self._link(f"/alerts/{data['id']}"), level)

    def _figures(self, data: dict[str, Any], attention: str) -> str:
        return self._say(
            f"chat_figures{attention}",
            observed=figure(data["observed"]),
            expected=figure(data["expected"]),
            times=times(self._language, data["observed"], data["expected"]),
            hours=f"{window_hours(data['window']):g}",
            sources=data["sources"],
            stories=data["stories"],
        )

    def digest(self, data: dict[str, Any]) -> Message:
        alerts = data["alerts"]
        lines = [f"• {self._digest_line(each)}" for each in alerts]
        if data["omitted"]:
            lines.append(self._say("chat_digest_omitted", count=data["omitted"]))
        title = self._say("chat_alert_digest", count=len(alerts) + data["omitted"])
        worst = any(each["severity"] == "critical" for each in alerts)
        return _message(title, "", lines, self._link(""), Level.BAD if worst else Level.WARNING)

    def notice(self, event_type: str, data: dict[str, Any]) -> Message:
        key = f"chat_{event_type.replace('.', '_')}"
        values = {name: _plain(str(value)) for name, value in data.items()}
        level = _NOTICE_LEVELS.get(event_type, Level.WARNING)
        text = self._say(f"{key}_text", **values).strip()
        return _message(self._say(key, **values), text, [], None, level)

    def _digest_line(self, alert: dict[str, Any]) -> str:
        return self._say(
            "chat_digest_entry",
            event=self._say(f"event_{alert['event'].removeprefix('alert.')}"),
            severity=self._severity(alert["severity"]),
            name=_names([alert["scope"], *alert.get("related", ())]),
        )

    def _evidence(self, item: dict[str, Any]) -> Iterable[str]:
        yield "• " + self._say(
            "chat_evidence", title=_plain(item["title"])[:200], source=_plain(item["source"])[:60]
        )
        if item["url"] and len(item["url"]) <= 200:
            yield f"  {item['url']}"

    def _severity(self, severity: str) -> str:
        return self._say(f"severity_{severity}")

    def _link(self, path: str) -> str | None:
        return None if self._desk_url is None else self._desk_url.rstrip("/") + path

    def _say(self, key: str, **values: object) -> str:
        return say(self._language, key, **values)


def _message(title: str, text: str, lines: list[str], link: str | None, level: Level) -> Message:
    """Join the parts; the last lines are left out where it would be too long."""
    title = title[: MAX_CHARS // 4]
    keep = len(lines)
    while True:
        joined = "\n".join(part for part in (text, *lines[:keep], link) if part)
        if keep == 0 or len(title) + len(joined) <= MAX_CHARS:
            return Message(title, joined[: MAX_CHARS - len(title)], level)
        keep -= 1


def _names(scopes: Iterable[dict[str, Any]]) -> str:
    return ", ".join(_plain(scope["name"]) for scope in scopes)


def _plain(text: str) -> str:
    """Return a text from outside without what chats take for commands or markup."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown.replace("<", "‹").replace(">", "›").replace("@", "＠").replace("`", "'")
