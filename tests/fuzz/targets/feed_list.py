"""The file that lists the feeds."""

from pipeline.sources.feeds import FeedError, load_feeds
from tests.fuzz.target import Target, written


def run(content: bytes) -> None:
    """Read a list of feeds, or be told in words why it is none."""
    path = written("feeds.toml", content)
    try:
        specs = load_feeds(path)
    except FeedError as error:
        assert path.name in str(error)
        return
    assert specs
    for spec in specs:
        assert spec.interval_s >= 1
        assert spec.interval_s < float("inf")
        assert spec.name


TARGET = Target(
    run,
    seeds=(
        b'[[feed]]\nurl = "https://wire.example/rss"\nsource = "wire"\ninterval_s = 60\n'
        b'language = "en"\n[[feed]]\nurl = "http://www.a.example:8080/?t=1"\n',
        b'feed = [{url = "https://[::1]/", interval_s = 1e3}]',
        b"[[feed]]\nurl = 1\ninterval_s = inf\nlanguage = 2024-03-01T10:00:00Z\n",
        b"a = " + b"[" * 2_000,
        b"a = " + b"{a=" * 1_000,
        b"a" + b".a" * 400 + b" = 1",
        b"a = " + b"1" * 5_000,
        b'\xff\xfe[[feed]]\nurl = "a"',
    ),
    words=(
        b"[[feed]]\n",
        b"url = ",
        b'"https://',
        b"interval_s = ",
        b"source = ",
        b"language = ",
        b'"""',
        b"'''",
        b"inf",
        b"nan",
        b"\\U0010ffff",
        b"xn--",
    ),
)
