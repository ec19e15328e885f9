"""What a feed's server answers: status, headers, and a feed or something else."""

import gzip
import ssl
from functools import cache

from pipeline.messages import NewsItem
from pipeline.sources.feed_client import new_client
from pipeline.sources.feeds import Feed, FeedError, FeedSpec
from tests.fuzz.http_text import split
from tests.fuzz.items import LIMITS, NOW, check_item
from tests.fuzz.network import NotedNetwork, is_inside, names_of_ours
from tests.fuzz.target import Target

_HOST = "wire.example"
_UNCHANGED = b"HTTP/1.1 304 Not Modified\r\n\r\n"


def run(content: bytes) -> None:
    """Look at a feed, and once more; whatever is wrong with it is a FeedError."""
    network = NotedNetwork(_http(content))
    spec = FeedSpec.model_validate({"url": f"https://{_HOST}/rss"})
    try:
        with new_client(spec.url, tls=_tls(), network=network) as client:
            feed = Feed(spec, client, LIMITS[0])
            found = feed.look(now=NOW)
            if found is None:
                return
            feed.confirm(found)
            network.answer(_UNCHANGED)
            assert feed.look(now=NOW) is None
    except FeedError as error:
        assert _HOST not in str(error)
        return
    finally:
        assert not any(is_inside(address) for address in network.connected)
    for record in found.records:
        if isinstance(record, NewsItem):
            check_item(record, LIMITS[0])


def _http(content: bytes) -> bytes:
    """Return an answer as a server sends it, its body ended by the end of the connection."""
    first, headers, body = split(content)
    status = first if first.isdigit() and len(first) == 3 else b"200"
    lines = [b"HTTP/1.1 %b Told" % status, *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join([*lines, b"", body])


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


_RSS = b"""200
content-type: application/rss+xml
etag: "1"
last-modified: Fri, 01 Mar 2024 10:00:00 GMT

<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Wire</title>
<item><guid>1</guid><title>Bank &amp;amp; co &lt;b&gt;falls</title><link>https://a.example/1</link>
<description><![CDATA[<p>Down</p>]]></description><pubDate>Fri, 01 Mar 2024 10:00:00 GMT</pubDate>
</item><item><title>Bank rises</title><pubDate>2024-03-01T10:00:00Z</pubDate></item></channel></rss>
"""
_ATOM = b"""200
content-type: application/atom+xml; charset=utf-8

<feed xmlns="http://www.w3.org/2005/Atom"><title>a</title><entry><id>urn:1</id><title type="html">
&lt;i&gt;Bank</title><updated>2024-03-01T10:00:00+08:00</updated><link rel="alternate" href="/1"/>
<summary type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Down</div></summary></entry></feed>
"""
_RDF = b"""200

<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>a</title></channel>
<item rdf:about="u"><title>Bank</title><dc:date>2024-03-01</dc:date></item></rdf:RDF>
"""
_LOOSE = b"""200

<rss><channel><item><title>Bank & co &#xD800; &#0; &nbsp; falls<guid>2</guid>
<pubDate>Thu, 32 Feb 99999 25:61:00 +9999</pubDate></item>
"""

TARGET = Target(
    run,
    seeds=(
        _RSS,
        _ATOM,
        _RDF,
        _LOOSE,
        _RSS.replace(b'"1"', b"\xe9").replace(b"utf-8", b"utf-16"),
        b"200\ncontent-encoding: gzip\n\n" + gzip.compress(_LOOSE.partition(b"\n\n")[2], mtime=0),
        b"302\nlocation: /rss\n\n",
        b"301\nlocation: https://0x7f.1/\n\n",
        b"307\nlocation: http://[::ffff:10.0.0.1]:99999/\n\n",
        b"302\nlocation: https://xn--a/\n\n",
        b"304\n\n",
        b"200\n\n<!DOCTYPE rss [<!ENTITY a 'b'>]><rss><item>&a;</item></rss>",
        b"200\n\n" + b"<item>" * 1_000,
        b"200\ncontent-type: text/html\n\n<html><body>no feed</body></html>",
    ),
    words=(
        b"<item>",
        b"</item>",
        b"<entry>",
        b"<title>",
        b"</title>",
        b"<guid>",
        b"<link>",
        b"<pubDate>",
        b"<updated>",
        b"<description>",
        b"<summary>",
        b"<content:encoded>",
        b"<![CDATA[",
        b"]]>",
        b"<!ENTITY",
        b"<?xml",
        b' encoding="',
        b' xml:base="http://[',
        b' type="application/octet-stream"',
        b"&#xD800;",
        b"&#0;",
        b"&#x110000;",
        b"charset=",
        b"utf-16",
        b"utf-7",
        b"location: ",
        b"etag: ",
        b"last-modified: ",
        b"content-encoding: ",
        b"http://[::1]/",
        b"//localhost/",
    ),
    surroundings=names_of_ours,
)
