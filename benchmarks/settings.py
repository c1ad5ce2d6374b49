"""The fixed settings of the benchmarks. A change here makes scores incomparable: say so in CHANGELOG, in capitals."""

from __future__ import annotations

SHOPPING_LIST = ("whole milk", "frozen pizza", "dog food", "diet cola", "shampoo for dry hair", "organic bananas")
SHOWCASE_RANKINGS = ("bm25", "bm25+popularity:0.5", "price")
