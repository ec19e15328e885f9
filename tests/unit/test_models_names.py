import numpy as np
import pytest

from models.labels import EntityType
from models.names import TAGS, best_tags, read_names
from models.training.spans import find_all, joined

COMPANY, PERSON = EntityType.COMPANY, EntityType.PERSON


def told(*tokens: dict[str, float]) -> np.ndarray:
    """Return probabilities (tokens, tags); what a token leaves open goes to all tags alike."""
    rows = [[one.get(tag, (1 - sum(one.values())) / len(TAGS)) for tag in TAGS] for one in tokens]
    return np.array(rows, np.float32)


def names(text: str, *tokens: tuple[str, str]) -> list[tuple[str, EntityType]]:
    """Read the names of a text from its (token, tag) pairs."""
    offsets, at = [], 0
    for token, _ in tokens:
        start = text.index(token, at)
        at = start + len(token)
        offsets.append((start, at))
    found = read_names(text, offsets, told(*({tag: 0.9} for _, tag in tokens)))
    return [(text[name.start : name.end], name.type) for name in found]


def test_a_name_of_several_tokens_is_one() -> None:
    tokens = [("Credit", "B-company"), ("Suisse", "I-company"), ("falls", "O")]
    assert names("Credit Suisse falls", *tokens) == [("Credit Suisse", COMPANY)]


def test_the_rest_of_a_word_follows_its_first_token() -> None:
    tokens = [("Quill", "B-company"), ("mere", "O"), ("falls", "O")]
    assert names("Quillmere falls", *tokens) == [("Quillmere", COMPANY)]
    tokens = [("Quill", "O"), ("mere", "B-company"), ("falls", "O")]
    assert names("Quillmere falls", *tokens) == []


def test_two_names_side_by_side_are_two() -> None:
    tokens = [("腾讯", "B-company"), ("阿里", "B-company"), ("马云", "B-person")]
    expected = [("腾讯", COMPANY), ("阿里", COMPANY), ("马云", PERSON)]
    assert names("腾讯阿里马云", *tokens) == expected


def test_an_inside_that_goes_on_with_nothing_is_the_likeliest_that_may_stand_there() -> None:
    acme = {"I-company": 0.5, "B-company": 0.4}
    falls = {"O": 0.9}

    assert [TAGS[tag] for tag in best_tags(told(falls, acme, falls))] == ["O", "B-company", "O"]


def test_a_tag_is_read_with_those_beside_it() -> None:
    ping, an, bank = {"B-company": 0.9}, {"I-person": 0.5, "I-company": 0.4}, {"I-company": 0.9}

    [name] = read_names("平安行", [(0, 1), (1, 2), (2, 3)], told(ping, an, bank))

    assert (name.start, name.end, name.type) == (0, 3, COMPANY)


def test_a_name_is_as_probable_as_its_least_sure_token() -> None:
    offsets = [(0, 0), (0, 4), (5, 9), (0, 0)]
    tokens = ({"O": 1.0}, {"B-company": 0.8}, {"I-company": 0.6}, {"O": 1.0})

    [name] = read_names("Acme Bank", offsets, told(*tokens))

    assert (name.start, name.end, name.type) == (0, 9, COMPANY)
    assert name.probability == pytest.approx(0.6)


def test_a_longer_name_is_found_before_a_part_of_it() -> None:
    text = "平安银行和平安"
    assert find_all(text, ["平安", "平安银行"]) == [("平安银行", (0, 4)), ("平安", (5, 7))]


def test_tokens_are_joined_with_their_spans() -> None:
    tokens = ["Acme", "Corp", "sued", "Ann"]
    tags = ["B-ORG", "I-ORG", "O", "B-PER"]

    text, marked = joined(tokens, tags, spaces=True)

    assert text == "Acme Corp sued Ann"
    assert [(text[a:b], kind) for (a, b), kind in marked] == [("Acme Corp", "ORG"), ("Ann", "PER")]
    assert joined(list("腾讯涨"), ["B-X", "I-X", "O"], spaces=False) == ("腾讯涨", [((0, 2), "X")])


def test_every_other_text_is_set_as_people_write_it() -> None:
    tags = ["O"] * 4
    assert joined(["up", ",", "he", "x"], tags, spaces=True)[0] == "up, he x"
    assert joined(["up", ",", "he", "xy"], tags, spaces=True)[0] == "up , he xy"
