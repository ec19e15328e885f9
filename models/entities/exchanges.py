"""Which stock exchange is at home where, and how its symbols are written: as data."""

# FinanceDatabase's code of an exchange -> the country whose companies are at home there.
HOME = {
    "AMS": "Netherlands", "ASE": "United States", "ASX": "Australia", "ATH": "Greece",
    "BRU": "Belgium", "BSE": "India", "BUD": "Hungary", "BUE": "Argentina", "CAI": "Egypt",
    "CNQ": "Canada", "CPH": "Denmark", "DOH": "Qatar", "EBS": "Switzerland", "GER": "Germany",
    "HEL": "Finland", "HKG": "Hong Kong", "ICE": "Iceland", "ISE": "Ireland", "IST": "Turkey",
    "JKT": "Indonesia", "JNB": "South Africa", "JPX": "Japan", "KLS": "Malaysia",
    "KOE": "South Korea", "KSC": "South Korea", "LIS": "Portugal", "LSE": "United Kingdom",
    "MCE": "Spain", "MCX": "Russia", "MEX": "Mexico", "MIL": "Italy", "NCM": "United States",
    "NEO": "Canada", "NGM": "United States", "NSE": "India", "NZE": "New Zealand",
    "OSL": "Norway", "PAR": "France", "PRA": "Czech Republic", "SAO": "Brazil",
    "SAU": "Saudi Arabia", "SES": "Singapore", "SET": "Thailand", "SGO": "Chile",
    "SHH": "China", "SHZ": "China", "STO": "Sweden", "TAI": "Taiwan", "TLV": "Israel",
    "TOR": "Canada", "TWO": "Taiwan", "VAN": "Canada", "VIE": "Austria",
}  # fmt: skip

# Where the main listing of a company is looked for, best first, when its country has several.
MAIN_SUFFIXES = {
    "China": (".SS", ".SZ", ".BJ", "", ".HK"),
    "Hong Kong": (".HK", ""),
    "India": (".NS", ".BO"),
    "Canada": (".TO", ".V", ".CN"),
}

# Places that trade everybody's shares and are nobody's main listing: German regional exchanges,
# London's international order book, and the like.
REGIONAL_SUFFIXES = frozenset((".BE", ".DU", ".MU", ".HM", ".HA", ".F", ".IL", ".VI", ".TI"))

# Prefix in "(NYSE: X)" and the like -> suffix of the symbol.
PREFIX_SUFFIX = {
    "NYSE": "", "NYSEAMERICAN": "", "NYSEARCA": "", "NASDAQ": "", "NASDAQGS": "", "NASDAQGM": "",
    "NASDAQCM": "", "AMEX": "", "OTC": "", "OTCQB": "", "OTCQX": "", "OTCMKTS": "", "LSE": ".L",
    "LON": ".L", "TSX": ".TO", "TSXV": ".V", "ASX": ".AX", "HKEX": ".HK", "HKG": ".HK",
    "HKSE": ".HK", "SEHK": ".HK", "SGX": ".SI", "NSE": ".NS", "BSE": ".BO", "ETR": ".DE",
    "XETRA": ".DE", "FRA": ".DE", "EPA": ".PA", "AMS": ".AS", "SWX": ".SW", "SIX": ".SW",
    "BIT": ".MI", "BME": ".MC", "STO": ".ST", "SSE": ".SS", "SHA": ".SS", "SZSE": ".SZ",
    "SHE": ".SZ", "TWSE": ".TW", "TPE": ".TW", "KRX": ".KS", "TYO": ".T", "TSE": ".T",
}  # fmt: skip


def suffix(symbol: str) -> str:
    """``.HK`` of ``0700.HK``; empty for a symbol of the United States."""
    _, dot, end = symbol.rpartition(".")
    return dot + end if dot else ""


def yahoo(symbol: str) -> str:
    """A symbol as Yahoo writes it: ``600519.SH`` gives ``600519.SS``, ``00700.HK`` ``0700.HK``."""
    stem, dot, end = symbol.upper().rpartition(".")
    if end == "SH" and dot:
        return stem + ".SS"
    if end == "HK" and stem.isdigit():
        return f"{int(stem):04d}.HK"
    return symbol.upper()
