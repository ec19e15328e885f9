"""A tiny, randomly initialised transformer through the real loading and inference path."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModel,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from models.labels import Sentiment
from models.loading import ModelError, load_classifier, sentiment_labels
from models.multihead import HeadKind, HeadSpec, MultiHeadModel

WORDS = ["<pad>", "<unk>", "loss", "profit", "bank", "rises", "falls"]
CONFIG = BertConfig(
    vocab_size=len(WORDS),
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    pad_token_id=0,
)


def save_tokenizer(folder: Path) -> None:
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # their gap
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", model_max_length=512
    ).save_pretrained(folder)


@pytest.fixture
def several_heads(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    heads = (
        HeadSpec("sentiment", HeadKind.SINGLE, ("negative", "neutral", "positive")),
        HeadSpec("topics", HeadKind.MULTI, ("banks", "earnings"), threshold=0.0),
    )
    encoder = AutoModel.from_config(CONFIG, add_pooling_layer=False)  # type: ignore[no-untyped-call]  # theirs
    MultiHeadModel(encoder, heads).save(tmp_path)
    save_tokenizer(tmp_path)
    return tmp_path


def test_a_saved_model_classifies_in_input_order(several_heads: Path) -> None:
    classifier = load_classifier(str(several_heads), device="cpu")
    texts = ["loss", "bank profit rises " * 30, "falls", "bank loss"]

    together = classifier.classify(texts)

    for text, analysis in zip(texts, together, strict=True):
        [alone] = classifier.classify([text])
        assert sum(analysis.probabilities.values()) == pytest.approx(1.0, abs=1e-3)
        assert analysis.score == pytest.approx(alone.score, abs=0.02)
        assert {t.topic for t in analysis.topics} == {"banks", "earnings"}


def test_no_text_is_no_work(several_heads: Path) -> None:
    assert load_classifier(str(several_heads), device="cpu").classify([]) == []


def test_the_version_changes_with_the_weights(several_heads: Path) -> None:
    before = load_classifier(str(several_heads), device="cpu").version
    encoder = AutoModel.from_config(CONFIG, add_pooling_layer=False)  # type: ignore[no-untyped-call]  # theirs
    heads = (HeadSpec("sentiment", HeadKind.SINGLE, ("negative", "neutral", "positive")),)
    MultiHeadModel(encoder, heads).save(several_heads)

    assert load_classifier(str(several_heads), device="cpu").version != before


def test_a_hugging_face_classifier_is_read_by_its_own_label_order(tmp_path: Path) -> None:
    config = BertConfig(
        **{**CONFIG.to_dict(), "id2label": {0: "Neutral", 1: "Positive", 2: "Negative"}}
    )
    model = BertForSequenceClassification(config)  # type: ignore[no-untyped-call]  # theirs
    torch.nn.init.zeros_(model.classifier.weight)
    model.classifier.bias.data = torch.tensor([0.0, 0.0, 5.0])
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)

    classifier = load_classifier(str(tmp_path), device="cpu")
    [analysis] = classifier.classify(["bank falls"])

    assert analysis.sentiment is Sentiment.NEGATIVE
    assert analysis.topics == ()
    model.classifier.bias.data = torch.tensor([0.0, 5.0, 0.0])
    model.save_pretrained(tmp_path)
    assert load_classifier(str(tmp_path), device="cpu").version != classifier.version


def test_labels_that_name_no_sentiment_are_refused() -> None:
    with pytest.raises(ModelError, match="label_0"):
        sentiment_labels({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})


def test_a_model_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load the model"):
        load_classifier(str(tmp_path / "nothing"), device="cpu")


def test_a_truncated_weights_file_is_one_clear_error(several_heads: Path) -> None:
    weights = several_heads / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(ModelError, match="cannot load the model"):
        load_classifier(str(several_heads), device="cpu")
