"""Options that several verbs of ``paars`` and several benchmarks have, by the same names, in the same groups.

A verb that asks a language model has the options of the group "Language model", and `asked_model` builds the
configurations from them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from paars_gym.config import BudgetConfig, ModelConfig

SHOP, PEOPLE, SHOPPERS, MODEL = "Shop", "People to compare with", "Shoppers", "Language model"
TEST, DATA, OUTPUT, PRIVACY = "Test", "Data", "Output", "Privacy"

CatalogName = Annotated[
    str, typer.Option(help="Catalog: mini, journey, or the folder of a built one.", rich_help_panel=SHOP)
]
RankingName = Annotated[
    str, typer.Option(help='Ranking policy, such as bm25 or "bm25+rating:0.3".', rich_help_panel=SHOP)
]
EnvName = Annotated[
    str,
    typer.Option(
        "--env", help="Environment to shop in: a Gymnasium id, or module:factory of your own.", rich_help_panel=SHOP
    ),
]
HUMAN = (
    "Reference people: mini (synthetic), journey (real households, who only buy), STORE, a folder that paars sessions "
    "import has left, or RUN, the folder of a simulated run"
)
HumanReference = Annotated[str, typer.Option("--human", help=f"{HUMAN}.", rich_help_panel=PEOPLE)]
HumanOrReleased = Annotated[
    str,
    typer.Option("--human", help=f"{HUMAN}; or a file of paars reference export.", rich_help_panel=PEOPLE),
]
PeopleFile = Annotated[
    Path | None,
    typer.Option(
        "--personas", help="File of personas; by default the catalog's own generated people.", rich_help_panel=SHOPPERS
    ),
]
PolicyName = Annotated[
    str,
    typer.Option(help="Who shops: behavioural, uniform, embedding, llm or module:Class.", rich_help_panel=SHOPPERS),
]
ConditionName = Annotated[
    str,
    typer.Option(
        help="What of its persona a shopper is told: base, profile, preferences, history or persona.",
        rich_help_panel=SHOPPERS,
    ),
]
Pairs = Annotated[int, typer.Option(help="Number of persona × intention pairs in each arm.", rich_help_panel=SHOPPERS)]
Draws = Annotated[int, typer.Option(help="Sessions of each pair in each arm.", rich_help_panel=SHOPPERS)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=SHOPPERS)]
SessionsAtOnce = Annotated[
    int,
    typer.Option(
        "--concurrency",
        min=1,
        help="Sessions at once, for shoppers that wait: calls of a model at once.",
        rich_help_panel=SHOPPERS,
    ),
]
Segment = Annotated[
    str | None,
    typer.Option(
        "--segment",
        "--by",
        help="Results for each segment too: a preference or a trait, such as income.",
        rich_help_panel=SHOPPERS,
    ),
]
Records = Annotated[
    str,
    typer.Option(
        "--record",
        help="Records of steps, with pages and prompts, in --out: steps, none, or auto (not for offline policies).",
        rich_help_panel=OUTPUT,
    ),
]
Level = Annotated[float, typer.Option(help="Coverage of the intervals, from 0 to 1.", rich_help_panel=OUTPUT)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.", rich_help_panel=OUTPUT)]
Recognisers = Annotated[
    list[str] | None,
    typer.Option(help="More to redact: presidio, or module:function of your own. Repeatable.", rich_help_panel=PRIVACY),
]
Regions = Annotated[
    str | None,
    typer.Option(help="Whose national telephone numbers to redact, with commas: US,DE.", rich_help_panel=PRIVACY),
]

ModelSpec = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Language model: anthropic:NAME, openai:NAME, openai:NAME@BASE_URL or scripted:FILE.",
        rich_help_panel=MODEL,
    ),
]
PriceText = Annotated[
    str | None,
    typer.Option(
        "--price",
        help="US dollars per million tokens: IN,OUT or IN,OUT,READ,WRITE of the provider's cache."
        " By default the known price.",
        rich_help_panel=MODEL,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="NAME=VALUE, repeatable. With --model: attempts, context_tokens, form, invalid_in_a_row, max_tokens, "
        "reasoning, stream, temperature, timeout_seconds. Without: an option of the policy.",
        rich_help_panel=MODEL,
    ),
]
MaxUsd = Annotated[
    float | None,
    typer.Option("--max-usd", min=0, help="Stop before more US dollars than this are spent.", rich_help_panel=MODEL),
]
TokensPerMinute = Annotated[
    float | None,
    typer.Option(
        "--tokens-per-minute", min=1, help="Tokens a minute at most, input and output together.", rich_help_panel=MODEL
    ),
]
CallsAtOnce = Annotated[
    int, typer.Option("--concurrency", min=1, help="Calls of the model at once.", rich_help_panel=MODEL)
]
CacheFile = Annotated[
    Path | None,
    typer.Option("--cache", help="SQLite file of replies: what is in it is not paid for again.", rich_help_panel=MODEL),
]
Offline = Annotated[bool, typer.Option("--offline", help="Make no call: answer from the cache.", rich_help_panel=MODEL)]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch", help="Through the provider's batches: within a day, at half the price.", rich_help_panel=MODEL
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Send nothing; say how many calls, tokens and dollars it would take.", rich_help_panel=MODEL
    ),
]


class AskedModel(NamedTuple):
    """The options of a verb that may ask a language model.

    Attributes:
        model: None where no ``--model`` is given: the policy asks none, or its own default.
        budget: What it may take.
        policy_options: Options that are for the policy's constructor and not for a model.
    """

    model: ModelConfig | None
    budget: BudgetConfig
    policy_options: dict[str, Any]


def asked_model(
    model: str | None,
    *,
    policy: str = "llm",
    price: str | None = None,
    option: Sequence[str] | None = None,
    max_usd: float | None = None,
    tokens_per_minute: float | None = None,
    concurrency: int = 64,
    cache: Path | None = None,
    default_cache: Path | None = None,
    offline: bool = False,
    batches: Path | None = None,
    dry_run: bool = False,
) -> AskedModel:
    """The configurations that the options of the group "Language model" stand for.

    Args:
        policy: Who asks; ``llm`` also for a verb that asks the model itself.
        default_cache: Where replies are kept when ``--cache`` is not given; None for nowhere.
        batches: File of the batches handed in, for ``--batch``; None asks at once.
        model, price, option, max_usd, tokens_per_minute, concurrency, cache, offline, dry_run: As they were given.

    Raises:
        ValueError: An option is wrong, is missing, or is for a model where none is asked.
    """
    given = read_options(option)
    name = policy.strip().lower()
    flags: dict[str, object] = {
        "--model": model,
        "--price": price,
        "--max-usd": max_usd,
        "--tokens-per-minute": tokens_per_minute,
    }
    flags |= {"--cache": cache, "--offline": offline, "--batch": batches, "--dry-run": dry_run}
    used = [flag for flag, value in flags.items() if value not in (None, False)]
    if used and ":" not in name and name != "llm":
        raise ValueError(
            f"{used[0]} is for shoppers that ask a language model, and {policy} asks none: --policy llm, for example."
        )
    if model is None and name == "llm":
        raise ValueError("--model is missing: which language model is asked, such as openai:gpt-4.1-mini.")
    if model is None and price is not None:
        raise ValueError(f"--price {price} needs --model: the price is that of a model.")
    if offline and cache is None and default_cache is None:
        raise ValueError("--offline needs --cache: the file of replies to answer from.")
    limits = {name: given.pop(name) for name in ("attempts", "stream", "timeout_seconds") if model and name in given}
    budget = BudgetConfig(
        max_usd=max_usd,
        concurrency=concurrency,
        tokens_per_minute=tokens_per_minute,
        cache=cache or default_cache,
        offline=offline,
        batches=batches,
        dry_run=dry_run,
        **limits,
    )
    if model is None:
        return AskedModel(None, budget, given)
    fields = {name: given.pop(name) for name in ("temperature", "context_tokens") if name in given}
    if name == "llm":
        _check_names(given)
    config = ModelConfig(spec=model, price=price, options=given, **fields)
    _check_price(config, budget)
    return AskedModel(config, budget, {})


def read_options(texts: Sequence[str] | None) -> dict[str, Any]:
    """``--option NAME=VALUE`` pairs, one each; a value that is JSON (a number, true, null, a list) is read as that."""
    given: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name.isidentifier() and equals):
            raise ValueError(f"--option {text}: must be NAME=VALUE, such as context_tokens=8000.")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    return given


def _check_names(options: dict[str, Any]) -> None:
    if not options:
        return
    from paars_gym.shoppers.llm import LLMOptions

    known = {*LLMOptions.model_fields, "temperature", "context_tokens", "attempts", "stream", "timeout_seconds"}
    for name in options:
        if name not in known:
            raise ValueError(f"Unknown --option {name}. With a language model there are: {', '.join(sorted(known))}.")
    LLMOptions(**options)


def _check_price(model: ModelConfig, budget: BudgetConfig) -> None:
    if model.price is None and budget.max_usd is None:
        return
    from paars_gym.llm.budget import parse_price, usd_of
    from paars_gym.llm.chat import Usage

    price = None if model.price is None else parse_price(model.price)
    if budget.max_usd is not None and usd_of(model.spec, Usage(input=1, output=1), price) is None:
        raise ValueError(
            f"--max-usd {budget.max_usd:g} needs a price for {model.spec}, and none is known: give one as "
            "--price IN,OUT, US dollars per million tokens."
        )
