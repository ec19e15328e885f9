"""Which alerts a subscription wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from db.alert_rows import AlertRow
from db.delivery_rows import SubscriptionRow
from db.rows import ScopeKind


@dataclass(frozen=True, slots=True)
class Lists:
    """What filters refer to.

    Attributes:
        watchlists: Ids of companies, by the list's name.
        sectors: Of companies, by their ids.
    """

    watchlists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sectors: Mapping[str, str] = field(default_factory=dict)


def wants(subscription: SubscriptionRow, alert: AlertRow, lists: Lists) -> bool:
    """Tell whether an alert passes the filters of a subscription that is on.

    Companies, watchlists, sectors and topics together name the wanted scopes: with any of them
    given, an alert must be about one; with none, all pass. Severities, languages and detectors
    narrow that further, each by itself.
    """
    if subscription.disabled_reason is not None or subscription.paused:
        return False
    narrowed = (
        (subscription.severities, {alert.severity}),
        (subscription.detectors, {alert.detector}),
        (subscription.languages, set(alert.languages)),
    )
    if any(wanted and not set(wanted) & has for wanted, has in narrowed):
        return False
    return _is_about(subscription, alert, lists)


def _is_about(subscription: SubscriptionRow, alert: AlertRow, lists: Lists) -> bool:
    wanted = subscription
    if not (wanted.entities or wanted.watchlists or wanted.sectors or wanted.topics):
        return True
    scope = alert.scope
    if scope.kind is ScopeKind.TOPIC:
        return scope.id in wanted.topics
    if scope.kind is not ScopeKind.ENTITY:
        return False
    return (
        scope.id in wanted.entities
        or lists.sectors.get(scope.id) in wanted.sectors
        or any(scope.id in lists.watchlists.get(name, ()) for name in wanted.watchlists)
    )
