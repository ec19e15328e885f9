from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from models.version import SHIPPED
from models.windows import cut


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(Path(SHIPPED), local_files_only=True)


def test_a_short_text_is_one_window_that_tells_everything(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    [window] = cut(["Acme falls"], tokenizer)

    assert (window.first, window.last) == (0, len(window.ids))


def test_each_token_of_a_long_text_is_told_once_and_in_order(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    text = " ".join(f"Item {number} falls by {number % 7} percent." for number in range(90))

    windows = cut(["short", text, ""], tokenizer, size=48)

    assert {window.text for window in windows} == {0, 1, 2}
    long = [window for window in windows if window.text == 1]
    assert len(long) > 5
    assert all(len(window.ids) <= 48 for window in long)
    told = [o for w in long for o in w.offsets[w.first : w.last] if o[0] < o[1]]
    assert told == sorted(set(told))
    words = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(told) == len(words)


def test_a_token_begins_at_its_word_and_not_at_the_space_before(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    text = "Acme  falls 腾讯"
    [window] = cut([text], tokenizer)

    told = [text[start:end] for start, end in window.offsets if start < end]
    assert not any(part[0].isspace() or part[-1].isspace() for part in told)
