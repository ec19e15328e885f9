"""One list of topics for both languages, and how the tags of public data sets map to it.

Within one data set the mapping is one to one, so that its figures can be computed from ours.
The list is described for readers in docs/topic-taxonomy.md.
"""

TFN_TOPICS = {
    "Analyst Update": "analyst_rating",
    "Fed | Central Banks": "central_banks",
    "Company | Product News": "company",
    "Treasuries | Corporate Debt": "bonds",
    "Dividend": "dividend",
    "Earnings": "earnings",
    "Energy | Oil": "energy",
    "Financials": "financials",
    "Currencies": "currencies",
    "General News | Opinion": "general",
    "Gold | Metals | Materials": "metals",
    "IPO": "ipo",
    "Legal | Regulation": "legal",
    "M&A | Investments": "mergers",
    "Macro": "macro",
    "Markets": "markets",
    "Politics": "politics",
    "Personnel Change": "personnel",
    "Stock Commentary": "stock_commentary",
    "Stock Movement": "stock_movement",
}
"""Labels of Twitter Financial News topics (English), one a text."""

FINNL_TOPICS = {
    "中国": "china",
    "外国": "abroad",
    "国际": "international",
    "公司": "company",
    "新冠": "pandemic",
    "经济": "macro",
    "行业": "industry",
    "大盘": "markets",
    "政策": "policy",
    "政治": "politics",
    "期货": "futures",
    "能源": "energy",
    "债券": "bonds",
    "房地产": "real_estate",
    "虚拟货币": "crypto",
    "外汇": "currencies",
}
"""Tags of FinNL (Chinese), several a text."""

CHINESE_TEXTS_ONLY = frozenset({"china", "abroad", "international"})
"""Where a text plays. Only Chinese data have these tags, and what the models tell of English texts
is worth nothing ("china" of seven in ten): they are told of texts with Chinese characters alone."""

TOPICS = tuple(dict.fromkeys([*TFN_TOPICS.values(), *FINNL_TOPICS.values()]))
"""All topics, in the order of the model's outputs."""
