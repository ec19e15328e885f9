"""Which alerts pass which filters."""

from dataclasses import replace
from uuid import UUID

import pytest

from db.alert_rows import AlertRow
from db.delivery_rows import SubscriptionRow
from db.matching import Lists, wants, watches
from db.rows import MARKET, ScopeKind, SeriesKey
from tests.integration.samples import alert

LISTS = Lists(
    watchlists={"lenders": frozenset({"us:SIVB"}), "drinks": frozenset({"us:KO"})},
    sectors={"us:SIVB": "Financials", "us:KO": "Consumer Staples"},
)
EVERYTHING = SubscriptionRow(UUID(int=1), "https://hooks.example/", b"", "")
BANK = alert()
TOPIC = alert(key=SeriesKey(ScopeKind.TOPIC, "banking"), severity="critical")
CHINESE = replace(BANK, languages=("zh",))
WHOLE = alert(key=MARKET)


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        ({}, [BANK, TOPIC, CHINESE, WHOLE]),
        ({"entities": ("us:SIVB",)}, [BANK, CHINESE]),
        ({"entities": ("us:KO",)}, []),
        ({"watchlists": ("lenders",)}, [BANK, CHINESE]),
        ({"watchlists": ("drinks",)}, []),
        ({"watchlists": ("drinks", "lenders")}, [BANK, CHINESE]),
        ({"watchlists": ("removed",)}, []),
        ({"sectors": ("Financials",)}, [BANK, CHINESE]),
        ({"sectors": ("Energy",)}, []),
        ({"topics": ("banking",)}, [TOPIC]),
        ({"sectors": ("Energy",), "topics": ("banking",)}, [TOPIC]),
        ({"watchlists": ("lenders",), "topics": ("banking",)}, [BANK, TOPIC, CHINESE]),
        ({"severities": ("critical",)}, [TOPIC]),
        ({"languages": ("en",)}, [BANK, TOPIC, WHOLE]),
        ({"languages": ("zh",)}, [CHINESE]),
        ({"languages": ("zh",), "entities": ("us:SIVB",)}, [CHINESE]),
        ({"detectors": ("negative_spike",)}, [BANK, TOPIC, CHINESE, WHOLE]),
        ({"detectors": ("another",)}, []),
        ({"paused": True}, []),
        ({"disabled_reason": "gone"}, []),
    ],
    ids=str,
)
def test_an_alert_passes_the_filters_that_are_given(
    filters: dict[str, object], passing: list[AlertRow]
) -> None:
    subscription = replace(EVERYTHING, **filters)  # type: ignore[arg-type]  # by the table's columns

    assert [
        each
        for each in (BANK, TOPIC, CHINESE, WHOLE)
        if wants(subscription, each) and watches(subscription, each.scopes, LISTS)
    ] == passing
