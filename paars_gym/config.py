"""What is run, where, with which model and at what expense: the four configurations.

The command line builds them, functions take them, and ``settings.json`` of a run holds them (`as_settings`). In Python
a field may hold an object where it says so, such as a ranking of one's own; in a file it is there by its name. Names
like ``module:Class`` in a file are compared on resume, and never imported from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from paars_gym.remote.place import named, url_of

Condition = Literal["base", "profile", "preferences", "history", "persona"]
"""What of its persona a shopper is told: a row of the paper's Table 3."""
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
Record = Literal["auto", "steps", "none"]
Backend = Literal["local", "ray"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
"""Where work is done: in this process, or on the machines of a Ray cluster (`paars_gym.cluster`)."""
NeedsSource = Literal["marginal", "persona", "same"]
NEEDS_SOURCES: tuple[NeedsSource, ...] = get_args(NeedsSource)
"""Where needs come from; beside them stands ``people:STORE``."""
PEOPLE_OF = "people:"
"""Begins the source of needs that are mined from a store of people's sessions."""
FIRST_DAY = datetime(2025, 1, 6, tzinfo=UTC)
DAYS = 28


def setting_name(value: Any) -> Any:
    """A value as settings hold it: data as it is, an object by its name.

    The name of an object is its ``spec``, its ``name``, its ``__qualname__`` or that of its class; with a
    ``fingerprint`` behind it where it has one.
    """
    if isinstance(value, BaseModel) and not isinstance(getattr(value, "name", None), str):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): setting_name(one) for name, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path):
        return url_of(value) or named(str(value))
    known = (getattr(value, attribute, None) for attribute in ("spec", "name", "__qualname__"))
    name = next((one for one in known if isinstance(one, str)), None)
    if name is None and isinstance(value, Sequence):
        data = all(one is None or isinstance(one, str | int | float | Mapping) for one in value)
        return [setting_name(one) for one in value] if data else f"{len(value)} {type(value[0]).__name__}"
    fingerprint = getattr(value, "fingerprint", None)
    return f"{name or type(value).__name__}{f' ({fingerprint})' if isinstance(fingerprint, str) else ''}"


def _condition(value: Any) -> Any:
    if value not in CONDITIONS:
        raise ValueError(f"Unknown condition {value!r}. Available: {', '.join(CONDITIONS)}.")
    return value


def check_backend(backend: Any, address: str | None = None) -> Backend:
    """The backend.

    Raises:
        ValueError: There is no such backend, or it has no address.
    """
    if backend not in BACKENDS:
        raise ValueError(f"Unknown backend {backend!r}. Available: {', '.join(BACKENDS)}.")
    if address is not None and backend != "ray":
        raise ValueError(f"--address {address} is that of a Ray cluster: give --backend ray too.")
    return backend  # type: ignore[no-any-return]


def needs_store(intentions: Any) -> str | None:
    """The store of ``people:STORE``; None for any other source of needs."""
    named = isinstance(intentions, str) and intentions.startswith(PEOPLE_OF)
    return intentions.removeprefix(PEOPLE_OF) or None if named else None


def _needs(value: Any) -> Any:
    if isinstance(value, str | Path) and value not in NEEDS_SOURCES and needs_store(value) is None:
        raise ValueError(
            f"Unknown source of needs {str(value)!r}. Available: {', '.join(NEEDS_SOURCES)}, {PEOPLE_OF}STORE. For the "
            f"needs of the people in a store write {PEOPLE_OF}{str(value).removeprefix(PEOPLE_OF) or 'STORE'}."
        )
    return value


def _needs_setting(value: Any) -> Any:
    """A word as it is; what is given in Python by its name, in a mapping, for it is none of the words."""
    return value if value is None or isinstance(value, str | Mapping) else {"given": setting_name(value)}


Named = Annotated[Any, PlainSerializer(setting_name)]
"""A name, a path, or an object that settings hold by its name."""
Options = Annotated[Mapping[str, Any], PlainSerializer(setting_name)]


class Configuration(BaseModel):
    """A frozen group of settings whose mistakes are said in a sentence: the name, the value, what is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(" ".join(_sentence(self, dict(mistake)) for mistake in error.errors())) from None


def _sentence(config: BaseModel, mistake: dict[str, Any]) -> str:
    name = ".".join(map(str, mistake["loc"]))
    limits = {"greater_than_equal": ("ge", ">="), "greater_than": ("gt", ">"), "less_than_equal": ("le", "<=")}
    if mistake["type"] == "extra_forbidden":
        return f"Unknown setting {name!r}. Available: {', '.join(sorted(type(config).model_fields))}."
    if mistake["type"] == "missing":
        return f"The setting {name!r} is missing."
    if mistake["type"] in limits:
        key, sign = limits[mistake["type"]]
        return f"{name} == {mistake['input']!r}, must be {sign} {mistake['ctx'][key]}."
    text = mistake["msg"].removeprefix("Value error, ")
    return text if text.startswith("Unknown") else f"{name} == {mistake['input']!r}: {text[0].lower()}{text[1:]}."


class ShopConfig(Configuration):
    """Where: a catalog under a ranking, in an environment.

    Attributes:
        catalog: Name, folder or `Catalog`.
        ranking: Ranking expression or `RankingPolicy`.
        page_size: Results a page.
        env: What is played through: the id of an environment, ``module:factory``, or a function. A factory is called
            with the keyword arguments that ``gymnasium.make`` would give to `RetailEnv`, and gives an environment that
            keeps `RetailEnv`'s ``info`` keys; see `paars_gym.simulation.episode`.
        env_options: More keyword arguments for it.
    """

    catalog: Named = "mini"
    ranking: Named = "bm25"
    page_size: int = Field(default=10, ge=1)
    env: Named = "PAARS-Retail-v0"
    env_options: Options = {}


class ModelConfig(Configuration):
    """Which language model, and how it is asked.

    Attributes:
        spec: ``anthropic:NAME``, ``openai:NAME``, ``openai:NAME@BASE_URL``, ``ollama:NAME``, ``vllm:NAME@URL``,
            ``scripted:FILE``, or a `ChatModel`.
        options: Of the shopper that asks it, such as ``form`` or ``invalid_in_a_row``; see `LLMOptions`.
        price: US dollars per million tokens as text: IN,OUT or IN,OUT,READ,WRITE; None for the known price.
        temperature: None for 1 in sessions and 0 for single answers, our choice.
        context_tokens: Longest request; None for the shopper's default.
        redactor: What takes personal data out of every request (`paars_gym.redaction.TextRedactor`); None for one with
            the usual recognisers. There is no way without.
        prompt: Text that is added to the instructions of every request.
    """

    spec: Named
    options: Options = {}
    price: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    context_tokens: int | None = Field(default=None, ge=1)
    redactor: Named = None
    prompt: str = ""

    @classmethod
    def of(cls, model: Any) -> Self:
        """The configuration itself, or that of a spec string or a `ChatModel` with nothing else set."""
        return model if isinstance(model, cls) else cls(spec=model)


class BudgetConfig(Configuration):
    """What a model may take: money, time, and calls that need not be made.

    Attributes:
        max_usd: Most that may be spent; None for no limit.
        concurrency: Most calls at once.
        tokens_per_minute: Input and output together; None for no limit.
        attempts: Most calls for one request.
        timeout_seconds: For one attempt.
        stream: Receive answers in pieces.
        cache: SQLite file of replies, which makes a repeated or resumed run free; None for none.
        offline: Make no call: everything has to be in the cache.
        batches: File of batches handed in to the provider, for single questions; None asks at once.
        dry_run: Ask nobody: a stand-in answers, no key is needed, and cache, limits and batches are not used.
        ledger: File of every call and what it took (`paars_gym.llm.ledger`): ``max_usd`` bounds all that is in it, by
            whichever process. None for that of the run folder, or where there is none, for one in memory.
        limits: What holds calls back, where other machines share them (`paars_gym.cluster.door`); None for limits of
            this process alone, which ``concurrency`` and ``tokens_per_minute`` say.
        part: Of the output that calls are made for, such as an arm of a test; in the ledger.
    """

    max_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    concurrency: int = Field(default=64, ge=1)
    tokens_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    attempts: int = Field(default=6, ge=1)
    timeout_seconds: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    stream: bool = False
    cache: Path | None = None
    offline: bool = False
    batches: Path | None = None
    dry_run: bool = False
    ledger: Any = Field(default=None, exclude=True)
    limits: Any = Field(default=None, exclude=True)
    part: str = Field(default="", exclude=True)

    def after(self, usd: float) -> BudgetConfig:
        """What is left when so many US dollars are spent, of which no ledger knows."""
        return self if self.max_usd is None else self.model_copy(update={"max_usd": max(self.max_usd - usd, 0.0)})


class RunConfig(Configuration):
    """Who shops, for what, and how often: a population, or the visitors of an A/B test, a probe or a task.

    Attributes:
        sessions: How many; in an A/B test persona × intention pairs in each arm, in a probe trials.
        policy: Short name, ``module:Class``, or a function that makes a policy.
        options: Of the policy, by name.
        condition: What of its persona a shopper is told; ``base`` tells nothing.
        personas: File or sequence of personas, who take turns; None for the catalog's own people.
        intentions: Where needs come from. ``marginal``: drawn from the population's, whoever comes. ``persona``: the
            persona's own needs or interests. ``same``: what ``persona`` would draw, whatever the condition.
            ``people:STORE``: of the people in a store of sessions, of the half that things are fitted on. None is
            ``marginal`` under the condition ``base`` and ``persona`` under any other. In Python also needs of one's
            own: mined intentions, a function that draws one for a persona, or `paars_gym.simulation.needs.Needs`.
        mix: Shares of goals of drawn intentions; empty for the default.
        seed: Of everything random.
        max_steps: Actions until a session is cut off.
        first_day: Sessions without a date of their own are spread over ``days`` days from here.
        days: See ``first_day``.
        draws: How often each visitor comes for the same thing.
        noise: Runs that differ in this alone have the same visitors, whose sessions' draws differ.
        concurrency: Sessions at once, for policies that wait; no result depends on it.
        record: Step records in ``RUN/steps``: ``steps`` always, ``none`` never, ``auto`` for every policy but the
            package's offline ones.
        model: For policies that ask a language model.
        budget: For policies that ask a language model.
        backend: Where sessions are played: ``local``, in this process, or ``ray``, on many machines; no result depends
            on it.
        address: Of the Ray cluster; see `paars_gym.cluster.session.Cluster`.
    """

    sessions: int = Field(default=100, ge=1)
    policy: Named = "behavioural"
    options: Options = {}
    condition: Annotated[Condition, BeforeValidator(_condition)] = "persona"
    personas: Named = None
    intentions: Annotated[Any, BeforeValidator(_needs), PlainSerializer(_needs_setting)] = None
    mix: Mapping[str, float] = {}
    seed: int = Field(default=0, ge=0)
    max_steps: int = Field(default=50, ge=1)
    first_day: AwareDatetime = FIRST_DAY
    days: int = Field(default=DAYS, ge=1)
    draws: int = Field(default=1, ge=1)
    noise: str = ""
    concurrency: int = Field(default=8, ge=1)
    record: Record = "auto"
    model: ModelConfig | None = None
    budget: BudgetConfig = BudgetConfig()
    backend: Backend = "local"
    address: str | None = None


NOT_COMPARED = frozenset({"concurrency", "record", "budget", "backend", "address"})
"""Of a `RunConfig`: what another try of the same run may change."""


def as_settings(run: RunConfig, shop: ShopConfig) -> dict[str, Any]:
    """What ``settings.json`` holds of the two, as JSON can hold it."""
    return {"run": run.model_dump(mode="json"), "shop": shop.model_dump(mode="json")}
