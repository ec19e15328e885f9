"""A browser at a desk that lets people sign in, and the provider that they sign in at."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from db.audit import AuditRow, list_audit
from db.engine import Engine, transaction
from pipeline.settings import Settings
from pipeline.web.desk import access, sign_in
from tests.desk_server import serving
from tests.integration.sign_in.oidc_provider import CLIENT_ID, CLIENT_SECRET, SUBJECT
from tests.integration.waiting import until
from tests.integration.web_client import web_settings

WHO = f"oidc:{SUBJECT} (ada)"
PAGE = {"Accept": "text/html"}


def with_oidc(issuer: str, *, database_url: str | None, **more: Any) -> Settings:
    settings = web_settings(database_url=database_url)
    oidc = {
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "read_values": ["desk-readers"],
        "admin_values": ["desk-admins"],
        "name": "Example ID",
    }
    told = settings.model_dump(mode="python")
    told["web"] |= {"oidc": oidc, **more}
    return Settings.model_validate(told)


@contextmanager
def browser(settings: Settings) -> Iterator[httpx.Client]:
    """Serve a desk, and yield what keeps cookies and follows redirects between both servers."""
    with (
        serving(settings) as address,
        # A busy machine may be slow to answer.
        httpx.Client(base_url=address, headers=PAGE, follow_redirects=True, timeout=60) as client,
    ):
        yield client


def audit(engine: Engine) -> list[AuditRow]:
    with transaction(engine) as session:
        return list_audit(session)


def refused(engine: Engine) -> AuditRow:
    """Return the one entry of a refusal, which is written after its answer is sent."""
    until(lambda: bool(audit(engine)))
    [row] = audit(engine)
    assert row.deed.outcome == "refused"
    return row


def assert_nobody_is_in(client: httpx.Client, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert access.COOKIE not in client.cookies
    assert sign_in.COOKIE not in client.cookies
    assert 'name="key"' in answer.text  # keys still work
    assert "code=" not in answer.text
    assert urlsplit(str(client.get("/desk").url)).path == "/desk/login"
