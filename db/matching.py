"""Which alerts a subscription wants."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from db.alert_rows import AlertRow, SilenceRow
from db.delivery_rows import SubscriptionRow
from db.rows import ScopeKind, SeriesKey


@dataclass(frozen=True, slots=True)
class Lists:
    """What filters refer to.

    Attributes:
        watchlists: Ids of companies, by the list's name.
        sectors: Of companies, by their ids.
    """

    watchlists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sectors: Mapping[str, str] = field(default_factory=dict)


def audible(alert: AlertRow, silences: Sequence[SilenceRow]) -> list[SeriesKey]:
    """Return what an alert is about, or speaks for, without what a silence names."""
    return [
        scope
        for scope in alert.scopes
        if not any(silence.holds(alert, about=scope) for silence in silences)
    ]


def wants(subscription: SubscriptionRow, alert: AlertRow) -> bool:
    """Tell whether an alert passes those filters of a subscription that narrow its scopes.

    Severities, languages and detectors do, each by itself; one that is off wants nothing.
    """
    if subscription.disabled_reason is not None or subscription.paused:
        return False
    narrowed = (
        (subscription.severities, {alert.severity}),
        (subscription.detectors, {alert.detector}),
        (subscription.languages, set(alert.languages)),
    )
    return not any(wanted and not set(wanted) & has for wanted, has in narrowed)


def watches(subscription: SubscriptionRow, scopes: Collection[SeriesKey], lists: Lists) -> bool:
    """Tell whether a subscription is about one of these scopes.

    Companies, watchlists, sectors and topics together name the wanted ones; with none of them
    given, all are.
    """
    wanted = subscription
    if not (wanted.entities or wanted.watchlists or wanted.sectors or wanted.topics):
        return bool(scopes)
    return any(_names(subscription, scope, lists) for scope in scopes)


def _names(wanted: SubscriptionRow, scope: SeriesKey, lists: Lists) -> bool:
    if scope.kind is ScopeKind.TOPIC:
        return scope.id in wanted.topics
    if scope.kind is not ScopeKind.ENTITY:
        return False
    return (
        scope.id in wanted.entities
        or lists.sectors.get(scope.id) in wanted.sectors
        or any(scope.id in lists.watchlists.get(name, ()) for name in wanted.watchlists)
    )
