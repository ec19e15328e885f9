"""Which categories of public collections of news count as finance or business."""

RELEVANT_CATEGORIES = frozenset(
    {
        "business",  # BBC, UCI news aggregator
        "finance",  # THUCNews
        "stocks",  # THUCNews
        "news_finance",  # TNEWS
        "news_stock",  # TNEWS
    }
)
"""Every other category counts as irrelevant.

Property (``realty``, ``news_house``) is among those: its titles are mostly about homes.
"""
