"""Explanations add up, agree with captum and with the classifier, and name words that matter."""

from pathlib import Path

import pytest
import torch
from captum.attr import IntegratedGradients
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from models.explanation.explainer import CannotExplain, Explainer, Explanation
from models.explanation.integrate import integrate
from models.explanation.words import Token, join_words
from models.labels import Sentiment
from models.loading import load_classifier, load_model
from models.multihead import load_multihead
from models.prefix import PrefixedEncoder
from models.version import write_sums
from tests.tiny_models import CONFIG, HEADS, save_model, save_tokenizer

NEWS = "The profit of Northwind falls, fraud"
TEXTS = [NEWS, "股价暴跌", "loss\nbank rises rises unknown words", "bank profit rises, loss " * 90]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def explainer(tiny: Path) -> Explainer:
    return Explainer(load_model(str(tiny), device="cpu"))


def missed(told: Explanation) -> float:
    """Return how far the words are from adding up, as a share of the score difference."""
    difference = told.score - told.baseline
    return abs(sum(word.attribution for word in told.words) - difference) / abs(difference)


@pytest.mark.parametrize("label", list(Sentiment))
@pytest.mark.parametrize("text", TEXTS, ids=["English", "Chinese", "two lines", "long"])
def test_attributions_add_up_to_the_score_difference(
    explainer: Explainer, text: str, label: Sentiment
) -> None:
    told = explainer.explain(text, label=label)

    assert missed(told) <= 0.05
    assert told.error == pytest.approx(missed(told), abs=0.002)
    assert (told.windows > 1) == (text == TEXTS[-1])


def test_the_score_is_that_of_the_classifier(explainer: Explainer, tiny: Path) -> None:
    classifier = load_classifier(str(tiny), device="cpu")
    places = [(NEWS.index("Northwind"), NEWS.index(" falls"))]

    for text in TEXTS:
        [analysis] = classifier.classify([text])
        for label, probability in analysis.probabilities.items():
            told = explainer.explain(text, label=label)
            assert told.probability == pytest.approx(probability, abs=0.02)
            assert told.model == classifier.version
    [analysis] = classifier.classify([NEWS], spans=[places])
    for label, probability in analysis.span_sentiments[0].items():
        told = explainer.explain(NEWS, label=label, spans=places)
        assert told.probability == pytest.approx(probability, abs=0.02)
        assert missed(told) <= 0.05


def test_a_model_with_a_prefix_is_explained_as_it_answers(tmp_path: Path) -> None:
    plain, prefixed = save_model(tmp_path / "plain"), tmp_path / "prefixed"
    model = load_multihead(plain)
    torch.manual_seed(1)
    # Layers, keys and values, heads, tokens of the prefix, width of a head.
    encoder = model.encoder
    assert isinstance(encoder, PreTrainedModel)
    model.encoder = PrefixedEncoder(encoder, torch.randn(2, 2, 2, 3, 8))
    model.save(prefixed)
    save_tokenizer(prefixed)
    write_sums(prefixed)
    [analysis] = load_classifier(str(prefixed), device="cpu").classify([NEWS])

    told = Explainer(load_model(str(prefixed), device="cpu")).explain(NEWS)
    without = Explainer(load_model(str(plain), device="cpu")).explain(NEWS)

    assert told.probability == pytest.approx(analysis.probabilities[Sentiment.NEGATIVE], abs=0.02)
    assert missed(told) <= 0.05
    assert told.probability != pytest.approx(without.probability, abs=0.02)


def test_an_entity_named_twice_has_the_mean_of_both_places(explainer: Explainer) -> None:
    text = "Northwind falls, profit of Northwind rises"
    first, second = (0, 9), (27, 36)

    def probability(*spans: tuple[int, int]) -> float:
        return explainer.explain(text, spans=spans).probability

    assert probability(first, second) == pytest.approx(
        (probability(first) + probability(second)) / 2, abs=1e-4
    )


def test_a_model_without_sentiment_towards_entities_says_so(tmp_path: Path) -> None:
    explainer = Explainer(load_model(str(save_model(tmp_path, HEADS[:2])), device="cpu"))

    with pytest.raises(CannotExplain, match="no sentiment towards entities"):
        explainer.explain(NEWS, spans=[(0, 3)])


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_has_no_explanation(explainer: Explainer, text: str) -> None:
    with pytest.raises(CannotExplain, match="no words"):
        explainer.explain(text)


def test_a_span_without_tokens_has_no_explanation(explainer: Explainer) -> None:
    with pytest.raises(CannotExplain, match="nothing at this place"):
        explainer.explain(NEWS, spans=[(3, 4)])


def test_a_hugging_face_classifier_is_explained_by_its_own_label_order(tmp_path: Path) -> None:
    config = BertConfig(
        **{**CONFIG.to_dict(), "id2label": {0: "Neutral", 1: "Positive", 2: "Negative"}}
    )
    torch.manual_seed(3)
    BertForSequenceClassification(config).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]  # theirs
    save_tokenizer(tmp_path)
    [analysis] = load_classifier(str(tmp_path), device="cpu").classify([NEWS])

    told = Explainer(load_model(str(tmp_path), device="cpu")).explain(NEWS)

    assert told.probability == pytest.approx(analysis.probabilities[Sentiment.NEGATIVE], abs=0.02)
    assert missed(told) <= 0.05


def test_the_integral_is_captums() -> None:
    torch.manual_seed(1)
    weights = torch.randn(4, 3)

    def score(points: Tensor) -> Tensor:
        return torch.tanh(points @ weights).pow(2).sum((-1, -2))

    point, baseline = torch.randn(2, 5, 4)

    ours = integrate(score, point, baseline, batch=5, first=16, most=16)

    theirs = IntegratedGradients(score).attribute(
        point[None], baseline[None], n_steps=16, method="gausslegendre"
    )
    torch.testing.assert_close(ours.parts, theirs[0])


def test_steps_are_added_until_the_parts_add_up() -> None:
    def score(points: Tensor) -> Tensor:
        return torch.sigmoid(400 * (points.sum(-1) - 1.1))

    point, baseline = torch.tensor([1.0, 1.0]), torch.zeros(2)

    rough = integrate(score, point, baseline, batch=64, first=4, most=4)
    fine = integrate(score, point, baseline, batch=64, first=4, most=512)

    assert rough.error > 0.05
    assert fine.error <= 0.02
    assert fine.steps > 4
    assert float(fine.parts.sum()) == pytest.approx(1.0, abs=0.02)


def test_pieces_of_a_latin_word_are_one_word_and_chinese_pieces_are_their_own() -> None:
    text = "Profit: -12.5%，腾讯 下跌."
    ends = [(0, 3), (3, 6), (6, 7), (8, 9), (9, 11), (11, 13), (13, 14), (14, 15), (15, 17),
            (18, 18), (18, 20), (20, 21)]  # fmt: skip
    tokens = [Token(start, end, place) for place, (start, end) in enumerate(ends)]

    words = join_words(text, tokens)

    assert [text[word.start : word.end] for word in words] == [
        "Profit", ":", "-", "12.5%", "，", "腾讯", "下跌", ".",
    ]  # fmt: skip
    assert sum(word.attribution for word in words) == sum(range(len(ends)))


def test_a_token_that_two_windows_read_is_added_up() -> None:
    [word] = join_words("loss", [Token(0, 0, 0.5), Token(0, 4, 1.0), Token(0, 4, 2.0)])

    assert (word.attribution, word.tokens) == (3.5, (Token(0, 4, 3.5),))


PLAIN = [
    "Shares of the lender plunge 30% as depositors flee",
    "Oakfield Mining files for bankruptcy protection",
    "Revenue at the retailer tumbles as shoppers stay away",
    "Court orders Kestrel Pharma to pay damages over faulty implants",
    "Factory orders shrank for the sixth month in a row",
    "Holiday sales disappoint at the toy maker",
    "公司股价暴跌，市值蒸发百亿",
    "净利润同比下降六成，全年或将亏损",
    "评级机构下调其信用评级至垃圾级",
    "产品质量问题引发大规模召回",
]


def test_without_the_word_that_is_named_first_the_text_is_less_negative() -> None:
    model = load_model("shipped", device="cpu")
    explainer, classifier = Explainer(model), load_classifier("shipped", device="cpu")
    by_first: list[float] = []
    by_others: list[float] = []

    for text in PLAIN:
        told = explainer.explain(text)
        assert missed(told) <= 0.05
        words = sorted(told.words, key=lambda word: -word.attribution)
        without = [text[: word.start] + text[word.end :] for word in words]
        whole, first, *others = (
            analysis.probabilities[Sentiment.NEGATIVE]
            for analysis in classifier.classify([text, *without])
        )
        by_first.append(whole - first)
        by_others.append(whole - sum(others) / len(others))

    better = [one > other for one, other in zip(by_first, by_others, strict=True)]
    assert sum(better) >= 0.8 * len(PLAIN)
    assert sum(by_first) > 3 * sum(by_others)
