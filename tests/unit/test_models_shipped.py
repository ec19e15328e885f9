"""The weights as they are shipped: small enough, and right on plain sentences of our own."""

import pytest

from models.labels import Classifier, Sentiment
from models.loading import load_classifier
from models.version import SHIPPED

PLAIN = {
    Sentiment.NEGATIVE: [
        "Shares of the bank plunge 40% as depositors withdraw their money",
        "The company files for bankruptcy and lays off all its staff",
        "Profit falls by half and the dividend is cut",
        "Regulators sue the lender for fraud",
        "Analysts downgrade the stock after weak guidance",
        "Airline warns of a heavy loss; shares tumble",
        "股价暴跌，公司面临退市风险",
        "这只股票太垃圾了，亏损严重，赶紧跑",
    ],
    Sentiment.NEUTRAL: [
        "The company will publish its results on Thursday",
        "The annual meeting takes place in Helsinki",
        "Board meeting scheduled for 3 May",
        "The bank has its seat in Frankfurt",
    ],
    Sentiment.POSITIVE: [
        "Shares surge after record quarterly profit beats estimates",
        "Analysts upgrade the stock to buy and raise the price target",
        "The company wins a huge contract and lifts its guidance",
        "Stock jumps 12% on strong earnings",
        "业绩大增，股价涨停，前景看好",
        "今天大涨，继续看好这只股票",
    ],
}


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return load_classifier("shipped", device="cpu")


def test_the_shipped_folder_is_at_most_80_megabytes() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 80_000_000


def test_plain_sentences_are_told_apart(shipped: Classifier) -> None:
    texts = [(text, label) for label, texts in PLAIN.items() for text in texts]

    told = shipped.classify([text for text, _ in texts])

    wrong = [
        (text, label, analysis.sentiment)
        for (text, label), analysis in zip(texts, told, strict=True)
        if analysis.sentiment is not label
    ]
    assert len(wrong) <= 0.15 * len(texts), wrong


def test_topics_of_plain_headlines_are_found(shipped: Classifier) -> None:
    [rates, oil] = shipped.classify(
        [
            "Fed raises interest rates by 25 basis points, Powell says",
            "Oil prices rise as OPEC cuts",
        ]
    )

    assert "central_banks" in {topic.topic for topic in rates.topics}
    assert "energy" in {topic.topic for topic in oil.topics}
