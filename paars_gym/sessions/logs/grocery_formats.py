"""Public logs of baskets and of hotel searches that are a mapping each: Ta Feng and trivago."""

from __future__ import annotations

from paars_gym.sessions.logs.mapping import LogFormat, LogMapping, Source

TA_FENG_COLUMNS = ("TRANSACTION_DT", "CUSTOMER_ID", "PRODUCT_ID", "AMOUNT", "SALES_PRICE")
TRIVAGO_COLUMNS = ("user_id", "session_id", "timestamp", "action_type", "reference", "impressions", "prices")


def ta_feng() -> LogFormat:
    """Purchase lines of a supermarket in Taiwan, November 2000 to February 2001.

    ``SALES_PRICE`` is what a line of ``AMOUNT`` units cost: of the products that are bought singly and in pairs the
    median pair costs twice as much. Days are all that is known of times: a basket is what a customer bought in a day.
    """
    mapping = LogMapping(
        columns={"shopper": "CUSTOMER_ID", "time": "TRANSACTION_DT", "product": "PRODUCT_ID", "units": "AMOUNT",
                 "total": "SALES_PRICE"},
        kind="purchase",
        time="%m/%d/%Y",
    )  # fmt: skip
    return LogFormat(
        about="Ta Feng 2000/01: baskets of 32,266 customers of a supermarket, purchases only",
        sources=(Source("ta_feng*.csv", mapping),),
        timezone="Asia/Taipei",
        signature=(frozenset((*TA_FENG_COLUMNS, "ASSET", "AGE_GROUP")),),
        notes=(
            "Purchases in a store: no searches and no views are recorded.",
            "The log dates its lines by the day: a session is what a customer bought in a day, in the log's order.",
            "Prices are in new Taiwan dollars, of one unit: SALES_PRICE / AMOUNT.",
        ),
    )


def trivago() -> LogFormat:
    """Hotel searches of the RecSys Challenge 2019, ``train.csv``.

    A search is a search for a destination or a point of interest, whose words the log has. A view is a click on a
    hotel: out to a booking site, or on its picture, text, rating or offers. A search for a hotel by its name has the
    hotel in place of the words, and only marks activity; so do sorts. A filter marks the search before it.
    """
    looked = ("image", "info", "rating", "deals")
    kinds = {f"interaction item {what}": "view" for what in looked} | {
        "clickout item": "view",
        "search for destination": "search",
        "search for poi": "search",
        "search for item": "visit",
        "filter selection": "filter",
        "change of sort order": "visit",
    }
    both = {"shopper": "user_id", "session": "session_id", "time": "timestamp", "kind": "action_type"}
    mapping = LogMapping.model_validate(
        {
            "columns": both,
            "events": [
                {"kind": "search", "when": {"action_type": [key for key, kind in kinds.items() if kind == "search"]},
                 "columns": {"query": "reference"}},
                {"kind": "view", "when": {"action_type": [key for key, kind in kinds.items() if kind == "view"]},
                 "columns": {"product": "reference"}},
            ],
            "kinds": kinds,
            "time": "s",
        }
    )  # fmt: skip
    return LogFormat(
        about="trivago (RecSys Challenge 2019): searches for places, clicks on hotels, by session",
        sources=(Source("train*.csv", mapping),),
        signature=(frozenset(TRIVAGO_COLUMNS),),
        notes=(
            "Nobody is seen to book: views are clicks on a hotel, the last of them often out to a booking site.",
            "A search is one for a destination or a point of interest; a hotel searched for by name has no words. A "
            "filter marks the search before it as filtered.",
        ),
    )
