"""Makes one attempt at a delivery: a signed post, or a message to chat or mail."""

from collections.abc import Collection
from datetime import datetime

import httpx

from alerts.delivery.chat import send_chat
from alerts.delivery.secrets import SecretUnreadable, decrypt
from alerts.delivery.webhook import Attempt, Outcome, Reason, send
from db.delivery_rows import DeliveryRow, TargetKind
from db.digests import DIGEST
from pipeline.stages.chat_text import chat_message


class SignedPost:
    """Sends by HTTP, signed with the subscription's own secret.

    Args:
        client: From ``alerts.delivery.transport``.
        key: Opens the stored secrets.
        timeout_s: Longest wait for an endpoint.
    """

    def __init__(self, client: httpx.Client, *, key: str, timeout_s: float) -> None:
        self._client = client
        self._key = key
        self._timeout_s = timeout_s

    def __call__(self, row: DeliveryRow, *, now: datetime) -> Attempt:
        """Send one event; a secret that does not open is a failure like any other."""
        stored = (row.subscription.secret, *row.old_secrets)
        try:
            secrets = [decrypt(each, self._key) for each in stored]
        except SecretUnreadable:
            return Attempt(Outcome.FAILED, detail=Reason.SECRET_UNREADABLE)
        return send(
            self._client,
            url=row.subscription.url,
            secrets=secrets,
            message_id=row.id,
            body=row.body,
            now=now,
            timeout_s=self._timeout_s,
        )


class ChatMessage:
    """Sends to chat or mail, in the subscriber's language.

    Args:
        key: Opens the stored URLs.
        allow_hosts: Hosts inside the network that may be connected to.
        desk_url: Where people reach the desk; None leaves links to it out.
        timeout_s: Longest life of an attempt.
    """

    def __init__(
        self, *, key: str, allow_hosts: Collection[str], desk_url: str | None, timeout_s: float
    ) -> None:
        self._key = key
        self._allow_hosts = allow_hosts
        self._desk_url = desk_url
        self._timeout_s = timeout_s

    def __call__(self, row: DeliveryRow) -> Attempt:
        """Send one event; a URL that does not open is a failure like any other."""
        try:
            url = decrypt(row.subscription.secret, self._key)
        except SecretUnreadable:
            return Attempt(Outcome.FAILED, detail=Reason.SECRET_UNREADABLE)
        message = chat_message(
            row.type, row.body, language=row.subscription.language, desk_url=self._desk_url
        )
        return send_chat(
            url,
            title=message.title,
            text=message.text,
            level=message.level,
            # Who has closed the incident of one digest is to be told of the next.
            incident=row.id if row.type == DIGEST else row.subject,
            allow_hosts=self._allow_hosts,
            timeout_s=self._timeout_s,
        )


class ToTarget:
    """Sends each event as its subscription's kind of target wants it."""

    def __init__(self, post: SignedPost, chat: ChatMessage) -> None:
        self._post = post
        self._chat = chat

    def __call__(self, row: DeliveryRow, *, now: datetime) -> Attempt:
        """Make one attempt; whatever happens is the returned value."""
        if row.subscription.kind is TargetKind.CHAT:
            return self._chat(row)
        return self._post(row, now=now)
