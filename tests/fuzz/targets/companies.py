"""The file of a user's own companies, and a text in which they are looked for."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from models.entities.chinese import load_words
from models.entities.gazetteer import Gazetteer
from models.entities.table import CompaniesError, read_own
from pipeline.companies import find_each
from tests.fuzz.target import Target, written


def run(content: bytes) -> None:
    """Read companies and find them in the file's own text, or be told why it is no list."""
    path = written("companies.csv", content)
    try:
        gazetteer = Gazetteer.load([path])
    except CompaniesError as error:
        assert path.name in str(error)
        return
    text = content.decode("utf-8-sig")
    end = 0
    for mention in gazetteer.mentions(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end
    rows = list(read_own(path))
    names = [name for _, name, _ in rows]
    assert all(gazetteer.named(name) is None or name for name in names)
    found = find_each([key for key, _, _ in rows], [path])
    assert all(found.values())


@contextmanager
def surroundings() -> Iterator[None]:
    """Know no company and the common words of Chinese, which are read once."""
    words = load_words()
    with ExitStack() as stack:
        stack.enter_context(mock.patch("models.entities.gazetteer.load_words", return_value=words))
        for module in ("models.entities.gazetteer", "pipeline.companies"):
            stack.enter_context(mock.patch(f"{module}.read_rows", return_value=()))
        yield


TARGET = Target(
    run,
    seeds=(
        "id,name,aliases\nACME,Acme Holdings,Acme|Acme Bank|艾克米|$ACM\n"
        "private-7,Northwind Trading,Northwind\nx,İş Bankası,山东航空|ß\n"
        "Shares of Acme Bank ($ACM) fell 5%, 艾克米,a".encode(),
        b"\xef\xbb\xbfid,aliases,name,more\r\n1,,ONE,x,y,z\r\n2,A|~b|?c,Two\r\n",
        b'id,name,aliases\n"a ""b""","c\nd",e\n',
        b'id,name,aliases\na,b,"' + b"x" * 140_000,
        b"id,name,aliases\n,,\n",
        b"id,name,aliases\n1,-,$\n",
        b"name,id\n\0",
        b"",
    ),
    words=(
        b"id,name,aliases\n",
        b"|",
        b"$",
        b"\r",
        b'"',
        b"\0",
        "艾克米".encode(),
        b"\xc4\xb0",
        b"\xef\xac\x81",
        b"\xe2\x84\xaa",
        b"'s ",
        b"(ACM)",
        b"NYSE: ",
    ),
    surroundings=surroundings,
    max_bytes=150_000,
)
