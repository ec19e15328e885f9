import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import clean, guess_language, normalised, web_address


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<p>Hello <b>Wo</b>rld</p>", "Hello World"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("AT&amp;T rises", "AT&T rises"),
        ("escaped &amp;amp; twice", "escaped & twice"),
        ("&lt;p&gt;escaped markup&lt;/p&gt;", "escaped markup"),
        ("<script>alert('<p>')</script>text", "text"),
        ("<style>p { color: red }</style>text", "text"),
        ("before<!-- a <p> comment -->after", "before after"),
        ("<![CDATA[wrapped]]>", "wrapped"),
        ("<html><body></body></html>", ""),
        ("nul\x00 bell\x07 escape\x1b[0m", "nul bell escape[0m"),
        ("right\u202eto left", "rightto left"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("  a\n\n b\tc ", "a b c"),
    ],
)
def test_markup_and_control_characters_are_reduced_to_text(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@pytest.mark.parametrize("text", ["a < b and c > d", "<AAPL> falls", "A --> B", "S&P 500", "R&D"])
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert clean(text) == text


PIECES = ["a", "b ", "<", ">", "/", "&", ";", "\x00", "<p>", "</b>", "&lt;", "&gt;", "<!--", "-->"]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    once = clean(text)

    assert clean(once) == once


@pytest.mark.parametrize("around", ["&amp;", "&#38;", "&AMP;"])
def test_a_text_that_is_escaped_beyond_all_measure_is_clean_all_the_same(around: str) -> None:
    inside = around[1:]

    once = clean(f"Bank &{inside * 50}lt;script&{inside * 50}gt; falls")

    assert clean(once) == once
    assert not set("&<>") & set(once)


@pytest.mark.parametrize("piece", ["<a", "<!--", "<script>", "&amp;", "</p", "]]>", "<p>"])
def test_hostile_markup_costs_little_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.perf_counter()

    clean(text)

    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("SVB collapses", "en"),
        ("硅谷银行 SVB 宣布破产", "zh"),
        ("Straße in München gesperrt", "en"),
        ("", "en"),
        ("2023: 12.5 %", "en"),
    ],
)
def test_language_is_guessed_from_the_script(text: str, language: str) -> None:
    assert guess_language(text) == language


def test_width_case_and_spaces_do_not_matter_for_copies() -> None:
    assert normalised("ＳＶＢ  Collapses\n") == normalised("svb collapses")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/relative", "https://" + "x" * 3000, None])
def test_an_address_that_no_link_may_lead_to_is_dropped(url: str | None) -> None:
    assert web_address(url) is None
