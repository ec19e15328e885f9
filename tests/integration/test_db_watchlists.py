"""Watchlists while somebody subscribes to them, on a real database."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest

from db.engine import Engine, transaction
from db.subscriptions import create_subscription
from db.watchlists import WatchlistInUse, delete_watchlist, existing_watchlists, save_watchlist
from tests.integration.samples import subscription

pytestmark = pytest.mark.integration


def test_a_list_is_not_deleted_while_a_subscription_to_it_is_being_made(engine: Engine) -> None:
    with transaction(engine) as session:
        save_watchlist(session, "lenders", ["SIVB"])

    def delete() -> bool:
        with transaction(engine) as session:
            return delete_watchlist(session, "lenders")

    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            assert existing_watchlists(session, ["lenders", "none"]) == {"lenders"}
            deleting = pool.submit(delete)
            assert wait([deleting], timeout=0.5).not_done
            create_subscription(session, replace(subscription(), watchlists=("lenders",)))

        with pytest.raises(WatchlistInUse):
            deleting.result(timeout=10)
