"""The fields of an item, each by itself: what JSON, feeds and requests have in common."""

from pipeline.masking import mask
from pipeline.messages import BadItem, item_from
from tests.fuzz.items import LIMITS, NOW, check_item
from tests.fuzz.target import Target

# In the order of the lines; the text that is left is the body.
_LINES = ("published_at", "source", "language", "id", "url", "title")
_HEAD = b"2024-03-01T10:00:00Z\nwire\n\n\n\n"


def run(content: bytes) -> None:
    """Make an item of lines of text, every other one masked, or have a reason why not."""
    *lines, body = content.decode("utf-8", "surrogateescape").split("\n", len(_LINES))
    fields: dict[str, object] = dict(zip(_LINES, lines, strict=False))
    fields["body"] = body
    limits = LIMITS[len(content) % len(LIMITS)]
    try:
        item = item_from(fields, now=NOW, limits=limits)
    except BadItem as error:
        assert error.detail
        return
    assert "\n" not in item.title
    assert mask(item.title, limits.mask) == item.title
    check_item(item, limits)


TARGET = Target(
    run,
    seeds=(
        _HEAD + b"Northwind Bank cuts its outlook\nDown 6 %",
        _HEAD + b"<b>AT&amp;amp;T</b> &lt;i&gt;falls\n<html><p>Down</p><p>6 %</p></html>",
        _HEAD + b"a <![CDATA[ b ]]> c <!-- d --> e\n<style>f</style> <script>g</script>",
        _HEAD + b"a\n" + b"&amp;" * 50 + b"lt;b&gt;",
        _HEAD + b"a\n&" + b"amp;" * 50 + b"lt;b&gt;",
        _HEAD + b"a\n" + b"<" * 500 + b"&#60;" * 500,
        _HEAD + b"a\nx@y.example, 078-05-1120, DE89 3704 0044 0532 0130 00",
        _HEAD + b"a\ncall (415) 555-2671 or +44 20 7946 0958; account no. 12345678",
        _HEAD + "破产\n账号：6222 0213 0411 3312，身份证 11010519491231002X".encode(),
        b"2024-03-01T10:00:00.123456789-23:59\nwi\x07re\nzh-Hans-CN\n\xe2\x80\xaeid\nhttps://a\nb\n",
    ),
    words=(
        b"&amp;",
        b"&lt;",
        b"&gt;",
        b"&#x",
        b"&#38;",
        b"&AMP;",
        b"<b>",
        b"</b>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<script>",
        b"</script>",
        b"<!doctype",
        b"@a.example",
        b"4111 1111 1111 1111",
        b"+86 138 0013 8000",
        b"account no. ",
        "账号：".encode(),
        "元".encode(),
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\xef\xbc\x91",
        b"\xc4\xb0",
    ),
)
