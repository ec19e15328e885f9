"""A quiet market with invented companies, held in memory."""

from datetime import UTC, datetime, timedelta

from db.rows import EntityRow, ItemRow
from db.tone import Tone

START = datetime(2023, 3, 1, tzinfo=UTC)
CRISIS = START + timedelta(days=4, hours=9)
JET, SPIRIT, OTHER = (EntityRow(f"x:{name}", name.title()) for name in ("jet", "spirit", "other"))
NEGATIVE, NEUTRAL = Tone(0.8, 0.1, 0.1), Tone(0.1, 0.8, 0.1)


def item(
    minute: float,
    *companies: EntityRow,
    tone: Tone = NEGATIVE,
    topic: str = "mergers",
    source: str | None = None,
    text: str | None = None,
) -> ItemRow:
    """Return an item of so many minutes after the crisis began; text and source its own."""
    at = CRISIS + timedelta(minutes=minute)
    name = f"{minute} {' '.join(company.id for company in companies)} {tone} {source}"
    return ItemRow(
        id=name,
        published_at=at,
        title=name,
        body="",
        source=source or f"source {minute}",
        url=None,
        language="en",
        text_hash=text or name,
        tone=tone,
        model="v1",
        topics=((topic, 0.9),),
        entities=companies,
    )


QUIET = [item(-60 * hour, tone=NEUTRAL, topic="macro") for hour in range(1, 100)]
