"""Exports of web analytics: GA4, GA360, Segment, Adobe Analytics, and logs of one row a click on a search result."""

from __future__ import annotations

from typing import Any

from paars_gym.sessions.logs.mapping import NO_SEARCHES, LogFormat, LogMapping, Source

CLICKS_ARE_VISITS = (
    "Clicks in a list of products are not counted as views: the product's own page records the view that they lead to."
)


def _mapping(content: dict[str, Any]) -> LogMapping:
    return LogMapping.model_validate(content)


def ga4() -> LogFormat:
    """Google Analytics 4's events as BigQuery exports them, JSON lines or Parquet.

    Source: support.google.com/analytics/answer/7029846 (schema), developers.google.com/analytics/devguides/collection/
    ga4/ecommerce (events)
    """
    item = {
        "product": "items[*].item_id", "title": "items[*].item_name", "units": "items[*].quantity",
        "price": "items[*].price",
    }  # fmt: skip
    kinds = {"view": "view_item", "add": "add_to_cart", "remove": "remove_from_cart", "purchase": "purchase"}
    term = "event_params[key=search_term].value"
    mapping = _mapping(
        {
            "columns": {
                "shopper": "user_id",
                "visitor": "user_pseudo_id",
                "session": ["event_params[key=ga_session_id].value.int_value",
                            "event_params[key=ga_session_id].value.string_value"],
                "time": "event_timestamp",
            },
            "time": "us",
            "otherwise": "visit",
            "missing": ["(not set)"],
            "events": [
                {
                    "kind": "search",
                    "when": {"event_name": ["view_search_results", "search"]},
                    "columns": {
                        "query": [f"{term}.string_value", f"{term}.int_value"],
                        "results": "items[*].item_id",
                    },
                },
                *({"kind": kind, "when": {"event_name": name}, "explode": "items[*]", "columns": item}
                  for kind, name in kinds.items()),
            ],
        }
    )  # fmt: skip
    return LogFormat(
        about="Google Analytics 4, BigQuery export: searches, views, adds and removals, purchases, by session",
        sources=(Source("*", mapping),),
        notes=(CLICKS_ARE_VISITS,),
        repeats_searches=True,
        signature=(frozenset({"event_name", "event_timestamp", "user_pseudo_id"}),),
    )


def ga360() -> LogFormat:
    """Universal Analytics 360's sessions as BigQuery exports them: a row a session, with its hits and their products.

    Prices are in millionths. Products that were only shown in a list (``isImpression``) were not acted on.

    Source: support.google.com/analytics/answer/3437719
    """
    product = "hits[*].product[*]"
    item = {
        "product": f"{product}.productSKU", "title": f"{product}.v2ProductName", "units": f"{product}.productQuantity",
        "price": f"{product}.productPrice",
    }  # fmt: skip
    kinds = {"view": "2", "add": "3", "remove": "4", "purchase": "6"}
    mapping = _mapping(
        {
            "columns": {
                "shopper": "userId", "visitor": "fullVisitorId", "session": "visitId", "time": "visitStartTime",
                "since": "hits[*].time",
                "event_id": "fullVisitorId + visitId + visitStartTime + hits[*].hitNumber",
            },
            "time": "s",
            "otherwise": "visit",
            "missing": ["(not set)"],
            "explode": ["hits[*]"],
            "price_divisor": 1_000_000,
            "events": [
                {
                    "kind": "search",
                    "when": {"hits[*].page.searchKeyword": "*"},
                    "columns": {"query": "hits[*].page.searchKeyword"},
                },
                *({"kind": kind, "when": {"hits[*].eCommerceAction.action_type": code}, "explode": product,
                   "items": {f"{product}.isImpression": ["", "false"]}, "columns": item}
                  for kind, code in kinds.items()),
            ],
        }
    )  # fmt: skip
    return LogFormat(
        about="Google Analytics 360, BigQuery export: searches, views, adds and removals, purchases, by session",
        sources=(Source("*", mapping),),
        notes=(CLICKS_ARE_VISITS,),
        signature=(frozenset({"fullVisitorId", "visitStartTime", "hits"}),),
    )


def segment() -> LogFormat:
    """Segment's e-commerce events (version 2), as JSON lines of track calls.

    Somebody is known by ``anonymousId`` until ``userId`` names them; see `LogMapping` on visitors.

    Source: twilio.com/docs/segment/connections/spec/ecommerce/v2
    """
    ids = ("product_id", "productId", "sku", "id")
    each = {
        "product": [f"properties.products[*].{name}" for name in ids],
        "title": "properties.products[*].name",
        "units": "properties.products[*].quantity",
        "price": "properties.products[*].price",
    }
    single = {
        "product": [f"properties.{name}" for name in ids],
        "title": "properties.name",
        "units": "properties.quantity",
        "price": "properties.price",
    }
    kinds = {"view": "Product Viewed", "add": "Product Added", "remove": "Product Removed"}
    mapping = _mapping(
        {
            "columns": {
                "shopper": ["userId", "user_id"],
                "visitor": ["anonymousId", "anonymous_id", "userId", "user_id"],
                "time": ["timestamp", "originalTimestamp", "original_timestamp", "sentAt", "sent_at"],
                "event_id": ["messageId", "message_id"],
            },
            "otherwise": "visit",
            "events": [
                {
                    "kind": "search", "when": {"event": ["Products Searched", "products_searched"]},
                    "columns": {"query": "properties.query", "results": each["product"][0]},
                },
                *({"kind": kind, "when": {"event": [name, name.lower().replace(" ", "_")]}, "columns": single}
                  for kind, name in kinds.items()),
                {
                    "kind": "purchase", "when": {"event": ["Order Completed", "order_completed"]},
                    "explode": "properties.products[*]", "columns": each,
                },
            ],
        }
    )  # fmt: skip
    return LogFormat(
        about="Segment e-commerce events: searches, views, adds and removals, purchases",
        sources=(Source("*", mapping),),
        notes=(CLICKS_ARE_VISITS,),
        signature=(
            frozenset({"event", "anonymousId", "properties"}),
            frozenset({"event", "anonymous_id", "properties"}),
            frozenset({"messageId", "type", "properties"}),
        ),
    )


def adobe() -> LogFormat:
    """Adobe Analytics' data feed: ``hit_data.tsv``, header in ``column_headers.tsv`` beside it or its first row.

    Events are numbers in a list (1 purchase, 2 product view, 12 added to the cart, 13 removed), products a string
    ``category;product;quantity;total;events;eVars`` with commas between. Hits that Adobe leaves out of its own reports
    are ignored. Which variable holds the words of an internal search is each site's own choice, see
    `LogFormat.with_searches`.

    Source: experienceleague.adobe.com/docs/analytics/export/analytics-data-feed/data-feed-contents/
    datafeeds-reference.html, …/datafeeds-calculate.html, …/implementation/vars/page-vars/products.html
    """
    kinds = {"purchase": "1", "view": "2", "add": "12", "remove": "13"}
    rules = []
    for prefix in ("post_", ""):
        events, products = f"{prefix}event_list", f"{prefix}product_list"
        only = {} if prefix else {"post_event_list": ""}
        rules += [
            {
                "kind": kind, "when": {f"{events}[*]": code, **only}, "explode": f"{products}[*]",
                "columns": {"product": f"{products}[*][1]", "units": f"{products}[*][2]", "total": f"{products}[*][3]"},
            }
            for kind, code in kinds.items()
        ]  # fmt: skip
    visitor = ["post_visid_high + post_visid_low", "visid_high + visid_low"]
    mapping = _mapping(
        {
            "columns": {
                "visitor": visitor,
                "session": ["visit_num + visit_start_time_gmt", "visit_num"],
                "time": ["post_cust_hit_time_gmt", "cust_hit_time_gmt", "hit_time_gmt"],
                "event_id": "hitid_high + hitid_low",
            },
            "time": "s",
            "separator": "\t",
            "quote": "",
            "otherwise": "visit",
            "only": {"exclude_hit": ["0", ""]},
            "split": {name: marks for prefix in ("post_", "")
                      for name, marks in {f"{prefix}event_list": ",", f"{prefix}product_list": ",;"}.items()},
            "events": rules,
        }
    )  # fmt: skip
    return LogFormat(
        about="Adobe Analytics data feed (hit data): views, adds and removals, purchases, by visit",
        sources=(Source("*hit_data*", mapping, header_file="column_headers.tsv"),),
        notes=(NO_SEARCHES,),
        signature=(
            frozenset({"hit_time_gmt", "visid_high", "visid_low", "post_product_list"}),
            frozenset({"hit_time_gmt", "post_visid_high", "post_visid_low", "post_product_list"}),
            frozenset({"hit_time_gmt", "visid_high", "visid_low", "product_list"}),
        ),
    )


QUERY_CLICK_COLUMNS: dict[str, tuple[str, ...]] = {
    "shopper": ("user_id", "userid", "user", "visitor_id", "visitorid", "customer_id", "client_id", "anonymous_id"),
    "session": ("session_id", "sessionid", "session", "visit_id"),
    "query": ("query", "search_query", "search_term", "searchterm", "keyword", "query_text", "q"),
    "product": ("product_id", "productid", "item_id", "itemid", "clicked_product_id", "clicked_product", "clicked_id",
                "sku", "asin", "doc_id", "product"),
    "time": ("click_time", "clicked_at", "click_timestamp", "timestamp", "time", "event_time", "datetime"),
    "rank": ("click_position", "clicked_position", "position", "rank", "product_position"),
}  # fmt: skip
QUERY_TIMES = ("query_time", "search_time", "searched_at", "query_timestamp")
EVENT_WORDS = {"event", "event_type", "event_name", "action", "type", "kind", "behavior", "eventtype"}


def query_click(columns: tuple[str, ...] = ()) -> LogFormat:
    """One row a click on a search result: who, the query, the product, when, and often its position.

    No vendor writes it alone; it is what a search team exports to learn from. Each row is a search, once for all of its
    clicks, and a view.

    Args:
        columns: Those of the log; only they are read. All names that are known, by default.
    """
    here = {
        field: tuple(name for name in names if not columns or name in columns)
        for field, names in QUERY_CLICK_COLUMNS.items()
    }
    who = {
        field: names
        for field in ("shopper", "session", "time")
        if (names := here[field][:1] if columns else here[field])
    }
    if not columns:
        who["shopper"] = here["shopper"][:1]
    searched = tuple(name for name in QUERY_TIMES if not columns or name in columns)
    when = {"time": (*searched, *who["time"])} if who.get("time") else {}
    search = {"kind": "search", "columns": {"query": here["query"], **when}}
    view = {"kind": "view", "columns": {"product": here["product"], **({"rank": here["rank"]} if here["rank"] else {})}}
    named = {field: names[0] if len(names) == 1 else names for field, names in who.items()}
    mapping = _mapping({"columns": named, "events": [search, view]})
    return LogFormat(
        about="one row a click on a search result: a search, once for all of its clicks, and a view",
        sources=(Source("*", mapping),),
        unknown=("searches",),
        notes=(
            "Only searches with a click are in the log: queries and the views that follow are known, the number of "
            "searches of a session is not.",
        ),
        repeats_searches=True,
    )


def is_query_click(columns: tuple[str, ...]) -> bool:
    """Whether columns are those of a log of one row a click: a query, a product and a person, and no event word."""
    names = set(columns)
    people = {*QUERY_CLICK_COLUMNS["shopper"], *QUERY_CLICK_COLUMNS["session"]}
    has = all(names & set(QUERY_CLICK_COLUMNS[field]) for field in ("query", "product"))
    return has and bool(names & people) and not names & EVENT_WORDS
