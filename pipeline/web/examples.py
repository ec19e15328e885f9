"""One example of each request that has a body; a test holds them to the schemas.

The names are those of the demo, where they can be sent as they stand.
"""

from typing import Any

REQUESTS: dict[tuple[str, str], Any] = {
    ("post", "/v1/items"): {
        "published_at": "2026-03-09T08:00:00Z",
        "source": "desk",
        "title": "Quillmere Bancorp halts withdrawals",
        "url": "https://news.example.com/quillmere",
    },
    ("post", "/v1/subscriptions"): {
        "url": "https://hooks.example.com/alerts",
        "entities": ["Quillmere Bancorp"],
        "severities": ["critical"],
        "description": "risk desk",
    },
    ("post", "/v1/subscriptions/{subscription_id}/rotate"): {"overlap_h": 24},
    ("post", "/v1/deliveries/replay"): {
        "subscription": "7f8a2f70-53c0-4d0c-9e0b-1f1c5b0a7d11",
        "since": "12h",
    },
    ("post", "/v1/silences"): {
        "entity": "Quillmere Bancorp",
        "hours": 4,
        "author": "jane",
        "reason": "known; the team is at it",
    },
    ("put", "/v1/alerts/{alert_id}/acknowledgement"): {"verdict": "wanted", "author": "jane"},
    ("put", "/v1/watchlists/{name}"): {"entities": ["Quillmere Bancorp", "Nimbrava"]},
    ("post", "/v1/keys"): {"name": "feed handler", "scopes": ["ingest"]},
}
