"""Trims an encoder's vocabulary to the words of a corpus.

Most of a multilingual vocabulary is of no use for two languages: its embedding is four
fifths of multilingual-e5-small.
"""

import gzip
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from rich.progress import track
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast


def corpus_texts(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the texts of JSON-lines files (plain or .gz): ``text``, ``title`` and ``body``."""
    for path in paths:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield " ".join(str(row[key]) for key in ("text", "title", "body") if row.get(key))


def _is_basic(piece: str) -> bool:
    """Tell whether a piece is one character of Latin script, Han, digits or punctuation."""
    text = piece.removeprefix("▁")
    if len(text) > 1:
        return False
    name = unicodedata.name(text, "") if text else ""
    return not name or name.startswith(("LATIN", "CJK", "DIGIT", "FULLWIDTH")) or not text.isalpha()


def choose_pieces(tokenizer: Tokenizer, texts: Iterable[str], *, size: int) -> list[int]:
    """Return the ids to keep, ascending: special and single-character pieces, then the most used.

    Args:
        tokenizer: The full tokenizer.
        texts: The corpus that says which pieces are used.
        size: Most pieces kept.
    """
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    special = {
        i
        for i in (tokenizer.token_to_id(t) for t in ("<s>", "</s>", "<unk>", "<pad>"))
        if i is not None
    }
    basic = {i for i, (piece, _) in enumerate(vocabulary) if _is_basic(piece)}
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(tokenizer.encode(text, add_special_tokens=False).ids)
    kept = (
        special | {i for i in basic if counts[i]} | {i for i in basic if len(vocabulary[i][0]) == 1}
    )
    for index, _ in counts.most_common():
        if len(kept) >= size:
            break
        kept.add(index)
    return sorted(kept)


def trim_tokenizer(tokenizer: Tokenizer, kept: Sequence[int]) -> Tokenizer:
    """Return a unigram tokenizer of only the pieces ``kept``, renumbered in that order."""
    state = json.loads(tokenizer.to_str())
    renumbered = {old: new for new, old in enumerate(kept)}
    model = state["model"]
    model["vocab"] = [model["vocab"][old] for old in kept]
    model["unk_id"] = renumbered[model["unk_id"]]
    state["added_tokens"] = [
        {**token, "id": renumbered[token["id"]]}
        for token in state["added_tokens"]
        if token["id"] in renumbered
    ]
    for special in state["post_processor"]["special_tokens"].values():
        special["ids"] = [renumbered[old] for old in special["ids"]]
    return Tokenizer.from_str(json.dumps(state))


def trim_encoder(source: str, out: Path, corpus: Iterable[Path], *, size: int) -> None:
    """Write a smaller copy of a unigram-vocabulary encoder to ``out``.

    Raises:
        ValueError: If the tokenizer is not a unigram model.
    """
    wrapped = AutoTokenizer.from_pretrained(source)
    tokenizer: Tokenizer = wrapped.backend_tokenizer
    if json.loads(tokenizer.to_str())["model"]["type"] != "Unigram":
        msg = f"{source}: only unigram tokenizers can be trimmed"
        raise ValueError(msg)
    texts = track(corpus_texts(corpus), description="counting pieces")
    kept = choose_pieces(tokenizer, texts, size=size)
    small = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # their gap
        tokenizer_object=trim_tokenizer(tokenizer, kept),
        model_max_length=min(wrapped.model_max_length, 512),
        **wrapped.special_tokens_map,
    )
    model = AutoModel.from_pretrained(source, add_pooling_layer=False)
    old = model.get_input_embeddings().weight.data
    small_embedding = nn.Embedding(len(kept), old.shape[1])
    small_embedding.weight.data = old[torch.tensor(kept)].clone()
    model.set_input_embeddings(small_embedding)
    model.config.vocab_size = len(kept)
    model.config.pad_token_id = small.pad_token_id
    model.save_pretrained(out)
    small.save_pretrained(out)
