"""Where alerts may be sent: an address that somebody gives, and where it leads."""

import ssl
from functools import cache

from alerts.delivery.chat import is_chat
from alerts.delivery.secrets import new_secret
from alerts.delivery.transport import guarded_client
from alerts.delivery.urls import redacted
from alerts.delivery.webhook import Reason, send
from pipeline.targets import BadSubscription, to_target
from tests.fuzz.items import NOW
from tests.fuzz.network import NotedNetwork, is_inside, names_of_ours
from tests.fuzz.target import Target


def run(content: bytes) -> None:
    """Check an address and send there, taken or not; nothing inside is ever connected to."""
    url = content.decode("utf-8", "surrogateescape")
    try:
        target = to_target(url, secret=None, allow_hosts=())
    except BadSubscription as error:
        assert error.field == "url"
        target = None
    if is_chat(url):
        assert target is None or (target.secret == url and target.shown.endswith(_shown(url)))
        return
    assert "://" in redacted(url) or redacted(url) == "unreadable URL"
    network = NotedNetwork()
    with guarded_client(network=network, ssl_context=_tls()) as client:
        made = send(
            client,
            url=url,
            secrets=[_secret()],
            message_id="msg_1",
            body="{}",
            now=NOW,
            timeout_s=5,
        )
    inside = [address for address in network.connected if is_inside(address)]
    assert inside == []
    # What is taken is not refused later, unless its name leads elsewhere by then.
    assert target is None or made.detail not in {Reason.BAD_URL, Reason.ADDRESS_REFUSED}


def _shown(url: str) -> str:
    """Return how what is shown of a chat ends: of most, nothing but the scheme."""
    return "" if url.lower().lstrip().startswith(("workflows", "mailto")) else "://"


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _secret() -> str:
    return new_secret()


TARGET = Target(
    run,
    seeds=(
        b"https://hooks.example.com/alerts?a=b#c",
        b"https://user:password@hooks.example.com:8443/",
        b"http://hooks.example.com/",
        b"https://127.0.0.1/",
        b"https://0x7f.1/",
        b"https://017700000001:443/",
        b"https://[::ffff:127.0.0.1]/",
        b"https://[fe80::1%25lo]/",
        b"https://[64:ff9b::a9fe:a9fe]/",
        "https://①②⑦.⓪.⓪.①/".encode(),
        "https://münchen.example/ü?ü".encode(),
        b"https://localhost./",
        b"https://xn--a/",
        b"https://" + b"a" * 70 + b".example/",
        b"https://93.184.215.14:99999999999/",
        b"mailto://user:password@mail.example.com/?to=a@b.example",
        b"mailtos://user:password@10.0.0.1:587/?from=a@b.example",
        b"slack://TokenA/TokenB/TokenC/#channel",
        b"workflows://prod-1.example.com:443/workflow/signature/",
        b"tgram://123456789:abcdefg_hijklmnop/12315544/",
        b"pagerduty://ApiKey@IntegrationKey/",
        b"dingtalk://token/13800138000",
    ),
    words=(
        b"https://",
        b"http://",
        b"mailto://",
        b"feishu://",
        b"wecombot://",
        b"127.0.0.1",
        b"localhost",
        b"db",
        b"[::1]",
        b"0x7f",
        b"@",
        b"%2f",
        b"%00",
        b"\\",
        b"#",
        b"\t",
        b":443",
        b"xn--",
        "。".encode(),
        "①".encode(),
        b"\xc2\xad",
        b"\xe2\x80\x8d",
        b"?to=",
        b"&smtp=",
        b"\xff",
    ),
    surroundings=names_of_ours,
    max_bytes=2_100,
)
