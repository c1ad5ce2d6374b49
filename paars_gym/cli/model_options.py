"""The options of the group "Language model", which every verb that asks one has, and what they stand for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from paars_gym.cli.batch_options import NO_BATCHES, BatchOptions
from paars_gym.cli.option_groups import in_group, with_options
from paars_gym.cli.shared_options import MODEL
from paars_gym.config import BudgetConfig, ModelConfig

CallsAtOnce = Annotated[
    int, typer.Option("--concurrency", min=1, help="Calls of the model at once.", rich_help_panel=MODEL)
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


@dataclass(frozen=True)
class ModelOptions:
    """The group as it was given; `with_model_options` puts it among the options of a verb."""

    model: Annotated[
        str | None,
        in_group(
            "--model",
            "Language model: anthropic:NAME, openai:NAME, openai:NAME@BASE_URL, ollama:NAME, vllm:NAME@URL or "
            "scripted:FILE.",
        ),
    ] = None
    price: Annotated[
        str | None,
        in_group(
            "--price",
            "US dollars per million tokens: IN,OUT or IN,OUT,READ,WRITE of the provider's cache. By default the known "
            "price.",
        ),
    ] = None
    temperature: Annotated[
        float | None,
        in_group(
            "--temperature", "Temperature of answers, 0 to 2; by default 1 in sessions and 0 for single answers.", min=0
        ),
    ] = None
    timeout: Annotated[float | None, in_group("--timeout", "Seconds for one attempt; by default 120.", min=0.001)] = (
        None
    )
    prompt: Annotated[
        Path | None, in_group("--prompt", "Text file whose words are added to the instructions of every request.")
    ] = None
    option: Annotated[
        list[str] | None,
        in_group(
            "--option",
            "NAME=VALUE, repeatable. With --model: attempts, context_tokens, form, invalid_in_a_row, max_tokens, "
            "reasoning, stream, temperature, timeout_seconds. Without: an option of the policy.",
        ),
    ] = None
    max_usd: Annotated[
        float | None, in_group("--max-usd", "Stop before more US dollars than this are spent.", min=0)
    ] = None
    tokens_per_minute: Annotated[
        float | None,
        in_group("--tokens-per-minute", "Tokens a minute at most, input and output together.", min=1),
    ] = None
    cache: Annotated[
        Path | None, in_group("--cache", "SQLite file of replies: what is in it is not paid for again.")
    ] = None
    offline: Annotated[bool, in_group("--offline", "Make no call: answer from the cache.")] = False
    dry_run: Annotated[
        bool, in_group("--dry-run", "Send nothing; say how many calls, tokens and dollars it would take.")
    ] = False

    def asked(
        self,
        *,
        policy: str = "llm",
        concurrency: int = 64,
        default_cache: Path | None = None,
        batches: Path | None = None,
        batching: "BatchOptions | None" = None,
        ledger: Path | None = None,
    ) -> AskedModel:
        """The configurations that the options stand for.

        Args:
            policy: Who asks; ``llm`` also for a verb that asks the model itself.
            concurrency: Calls at once.
            default_cache: Where replies are kept when ``--cache`` is not given; None for nowhere.
            batches: File of the batches handed in.
            batching: Whether and how single questions go out in batches, for verbs that put some.
            ledger: File of all calls for the output; None leaves it to what runs, which has a folder, or to memory.

        Raises:
            ValueError: An option is wrong, is missing, or is for a model where none is asked.
        """
        given = read_options(self.option)
        name = policy.strip().lower()
        flags: dict[str, object] = {
            "--model": self.model,
            "--price": self.price,
            "--max-usd": self.max_usd,
            "--tokens-per-minute": self.tokens_per_minute,
            "--temperature": self.temperature,
            "--timeout": self.timeout,
            "--prompt": self.prompt,
        }
        flags |= {"--cache": self.cache, "--offline": self.offline, "--dry-run": self.dry_run}
        batching = batching or NO_BATCHES
        flags |= batching.flags
        if not self.dry_run:
            batching.check(self.tokens_per_minute, batches)
        used = [flag for flag, value in flags.items() if value is not None and value is not False]
        if used and (name.startswith("likelihood:") or (":" not in name and name != "llm")):
            asks = "only scores texts" if name.startswith("likelihood:") else "asks none"
            raise ValueError(
                f"{used[0]} is for shoppers that ask a language model, and {policy} {asks}: --policy llm, for example."
            )
        if self.model is None and name == "llm":
            raise ValueError("--model is missing: which language model is asked, such as openai:gpt-4.1-mini.")
        if self.model is None and self.price is not None:
            raise ValueError(f"--price {self.price} needs --model: the price is that of a model.")
        if self.offline and self.cache is None and default_cache is None:
            raise ValueError("--offline needs --cache: the file of replies to answer from.")
        for flag, option, value in (
            ("--temperature", "temperature", self.temperature),
            ("--timeout", "timeout_seconds", self.timeout),
        ):
            if value is None:
                continue
            if option in given:
                raise ValueError(f"{flag} {value:g} and --option {option}={given[option]}: give one of them.")
            if self.model is None:
                raise ValueError(f"{flag} {value:g} needs --model: it is for the model's answers.")
            given[option] = value
        limits = {
            name: given.pop(name) for name in ("attempts", "stream", "timeout_seconds") if self.model and name in given
        }
        budget = BudgetConfig(
            max_usd=self.max_usd,
            concurrency=concurrency,
            tokens_per_minute=self.tokens_per_minute,
            cache=self.cache or default_cache,
            offline=self.offline,
            batches=(batches or Path("batches.jsonl")) if any(batching.flags.values()) else None,
            batch_api=batching.api(concurrency),
            dry_run=self.dry_run,
            ledger=ledger,
            **limits,
        )
        if self.model is None:
            return AskedModel(None, budget, given)
        set_ones = {name: given.pop(name) for name in ("temperature", "context_tokens") if name in given}
        if name == "llm":
            _check_names(given)
        prompt = read_prompt(self.prompt)
        config = ModelConfig(spec=self.model, price=self.price, options=given, prompt=prompt, **set_ones)
        _check_price(config, budget)
        return AskedModel(config, budget, {})


NOTHING_ASKED = ModelOptions()
"""The options where none of them is given."""


with_model_options = with_options("asking", ModelOptions)
"""A verb with the options of the group where its parameter ``asking`` stands."""


def read_options(texts: Sequence[str] | None) -> dict[str, Any]:
    """``--option NAME=VALUE`` pairs, one each; a value that is JSON (a number, true, null, a list) is read as that."""
    given: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name.isidentifier() and equals):
            raise ValueError(f"--option {text}: must be NAME=VALUE, such as context_tokens=8000.")
        try:
            given[name] = json.loads(value)
        except (ValueError, RecursionError):
            given[name] = value
    return given


def read_prompt(path: Path | None) -> str:
    """The words of ``--prompt``; empty without.

    Raises:
        ValueError: The file cannot be read, or nothing is in it.
    """
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--prompt {path}: {error}; give a text file in UTF-8.") from None
    if not text:
        raise ValueError(f"--prompt {path} is empty: write into it what the model is to be told.")
    return text


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
    from paars_gym.llm.chat import Usage
    from paars_gym.llm.prices import parse_price, usd_of

    price = None if model.price is None else parse_price(model.price)
    if budget.max_usd is not None and usd_of(model.spec, Usage(input=1, output=1), price) is None:
        raise ValueError(
            f"--max-usd {budget.max_usd:g} needs a price for {model.spec}, and none is known: give one as "
            "--price IN,OUT, US dollars per million tokens."
        )
