"""A message of the raw topic, as the worker reads it."""

import json

from pipeline.stages.parse import Message, parse
from tests.fuzz.items import LIMITS, NOW, check_item
from tests.fuzz.target import Target

_ITEM = {
    "published_at": "2024-03-01T10:00:00+00:00",
    "title": "Northwind Bank cuts its outlook &amp; <b>falls</b>",
    "body": "<p>Down 6 %</p><script>x</script> call +86 138 0013 8000, 6222 0213 0411 3312",
    "source": "wire",
    "url": "https://news.example.com/1?a=b&amp;c",
    "language": "en-GB",
    "id": "a-1",
}
_CHINESE = {
    "published_at": "2024-03-01T18:00:00+08:00",
    "title": "硅谷银行破产",
    "source": "财经",
    "body": "账号：6222 0213 0411 3312，身份证 11010519491231002X，邮箱 a@b.example",
}


def run(content: bytes) -> None:
    """Read a message; it is an item or a reject."""
    message = Message("raw", 0, 7, None, content)
    parsed, rejected = parse([message], now=NOW, limits=LIMITS[0])
    assert len(parsed) + len(rejected) == 1
    assert all(reject.detail for reject in rejected)
    for each in parsed:
        check_item(each.item, LIMITS[0])


TARGET = Target(
    run,
    seeds=(
        json.dumps(_ITEM).encode(),
        json.dumps(_CHINESE, ensure_ascii=False).encode(),
        b"\xef\xbb\xbf" + json.dumps(_CHINESE).encode(),
        json.dumps(_ITEM | {"published_at": "20240301T100000.5Z", "url": ""}).encode(),
        json.dumps(_ITEM | {"published_at": "2024-W09-5T10", "language": None}).encode(),
        json.dumps(_ITEM | {"title": 1e300, "id": ["a"], "more": {"a": None}}).encode(),
        b"[]",
        b"[" * 3_000,
        b'{"title":' * 500,
        b'{"title":' + b"1" * 5_000 + b"}",
        b'{"title":"\\ud800\\udc00\\ud800"}',
        b"\xff\xfe{}",
    ),
    words=(
        b'"published_at":',
        b'"title":"',
        b'"body":"',
        b'"source":"',
        b'"url":"',
        b'"id":"',
        b'"language":"',
        b"\\u0000",
        b"\\u202e",
        b"\\ud800",
        b"&amp;",
        b"&lt;",
        b"<p>",
        b"null",
        b"1e999",
        b"9998-12-31T23:59:59-23:59",
        b"1970-01-01T00:00:00+23:59",
    ),
)
