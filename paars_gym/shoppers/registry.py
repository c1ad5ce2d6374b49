"""Shoppers by name: short names of this package, or ``module:Class`` of one's own."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from paars_gym.catalog.language import DEFAULT
from paars_gym.config import BudgetConfig, Condition, ModelConfig, RunConfig
from paars_gym.files import load_named
from paars_gym.shoppers.protocol import Answerer, Policy

if TYPE_CHECKING:
    from paars_gym.catalog.store import Catalog
    from paars_gym.llm.stack import Stack

SHOPPERS: dict[str, str] = {
    "uniform": "paars_gym.shoppers.uniform:UniformShopper",
    "replay": "paars_gym.shoppers.replay:ReplayShopper",
    "embedding": "paars_gym.shoppers.embedding:EmbeddingShopper",
    "behavioural": "paars_gym.shoppers.behavioural:BehaviouralShopper",
    "llm": "paars_gym.shoppers.llm_shared:llm_shoppers",
}
"""Every short name, with the class it stands for, or a function that makes a factory whose shoppers share something."""
LIKELIHOOD = "likelihood:"
"""Begins the name of a shopper that chooses by likelihood; behind it stands the model."""
UNCALIBRATED = (
    "The shopper is uncalibrated: it is fitted to no people of this shop, and the size of its effects means little. "
    "Fit one to your people by paars fit, and give it by --shopper."
)
"""Said wherever effects of such a shopper are shown."""


def make_policy(
    spec: str,
    *,
    condition: Condition = "persona",
    options: Mapping[str, Any] | None = None,
    model: ModelConfig | None = None,
    budget: BudgetConfig | None = None,
) -> Policy:
    """A policy by name.

    ================  ===========================================================================
    ``uniform``       possible actions at random
    ``replay``        a recorded session again (option ``sessions``)
    ``embedding``     likeness of texts (options ``embedder``, ``views``)
    ``behavioural``   the choice model (options ``parameters``, ``reference_prices``, ``language``)
    ``llm``           a language model
    ``likelihood:M``  answers alone: the likeliest option by a language model M, such as ``likelihood:smollm2``
    ``module:Class``  a class of your own, or a function that makes a policy
    ================  ===========================================================================

    Args:
        spec: The name.
        condition: What of the persona it may use; given to what takes a ``condition``, as model and budget are. What
            takes a ``model`` and no ``budget`` is given an opened model, the same for all shoppers of a run.
        options: For the shopper's constructor.
        model: Which language model it asks.
        budget: What the model may take.

    Raises:
        ValueError: Unknown name, condition or option, or no policy; says what is possible.
    """
    return policy_factory(_run(spec, condition, options, model, budget))()


def policy_factory(run: RunConfig) -> Callable[[], Policy]:
    """What makes the policies of a run: one call, one shopper. Shoppers that ask a model share it.

    Raises:
        ValueError: As `make_policy`.
    """
    return _factory(run, Policy, ("act",))


def reading(run: RunConfig, language: str) -> RunConfig:
    """The run, whose shoppers compare words as the search of a catalog in some language does: they are told it.

    That goes for shoppers that take an option ``language``, unless the run's options say it. English is their default.
    """
    if not isinstance(run.policy, str) or "language" in run.options or language == DEFAULT:
        return run
    if "language" not in inspect.signature(shopper_maker(run.policy.strip())).parameters:
        return run
    return run.model_copy(update={"options": {**run.options, "language": language}})


def remembering(run: RunConfig, catalog: Catalog) -> RunConfig:
    """The run, whose shoppers remember what things cost in a catalog, and compare words as its search does (`reading`).

    Shoppers see pages alone. Those that take an option ``reference_prices`` (as ``behavioural`` does, or a class of
    one's own) are given the prices of a catalog by category, unless the run's options have some.

    Args:
        run: Who shops.
        catalog: As it was before any test: in an A/B test the control arm's, for both arms.
    """
    run = reading(run, catalog.language)
    if not isinstance(run.policy, str) or "reference_prices" in run.options:
        return run
    if "reference_prices" not in inspect.signature(shopper_maker(run.policy.strip())).parameters:
        return run
    from paars_gym.shoppers.reference_prices import reference_prices

    return run.model_copy(update={"options": {**run.options, "reference_prices": reference_prices(catalog)}})


def asks_a_model(run: RunConfig) -> bool:
    """Whether its policy may ask a language model through our door: it takes a model, or a budget."""
    if not isinstance(run.policy, str):
        return False
    return bool({"model", "budget"} & inspect.signature(shopper_maker(run.policy.strip())).parameters.keys())


def is_uncalibrated(run: RunConfig) -> bool:
    """Whether the shopper is the behavioural one as it comes, with the parameters of no people in particular."""
    return run.policy == "behavioural" and "parameters" not in run.options


def make_answerer(
    spec: str,
    *,
    condition: Condition = "persona",
    options: Mapping[str, Any] | None = None,
    model: ModelConfig | None = None,
    budget: BudgetConfig | None = None,
) -> Answerer:
    """An answerer by name; names and arguments are those of `make_policy`.

    Raises:
        ValueError: As `make_policy`.
    """
    return answerer_factory(_run(spec, condition, options, model, budget))()


def answerer_factory(run: RunConfig) -> Callable[[], Answerer]:
    """The same as `policy_factory`, for answerers.

    Raises:
        ValueError: As `make_policy`.
    """
    return _factory(run, Answerer, ("write_query", "choose_item", "choose_view"))


def _run(
    spec: str,
    condition: Condition,
    options: Mapping[str, Any] | None,
    model: ModelConfig | None,
    budget: BudgetConfig | None,
) -> RunConfig:
    return RunConfig(
        policy=spec, condition=condition, options=options or {}, model=model, budget=budget or BudgetConfig()
    )


def shown_name(spec: str) -> str:
    """How tables call a shopper: a model behind a server without the address, a file without its folder."""
    if not spec.strip().lower().startswith(LIKELIHOOD):
        return spec
    from paars_gym.shoppers.text_scorers import shown

    return LIKELIHOOD + shown(spec.strip()[len(LIKELIHOOD) :].strip())


def _factory(run: RunConfig, kind: Any, methods: tuple[str, ...]) -> Callable[[], Any]:
    if not isinstance(run.policy, str):
        return run.policy  # type: ignore[no-any-return]
    spec = run.policy.strip()
    make = shopper_maker(spec)
    stack = None
    if "model" in (parameters := inspect.signature(make).parameters) and "budget" not in parameters:
        # One model for all that the factory makes, so that they share its limits, its budget and its cache.
        stack, run = _opened(spec, parameters["model"].default, run)
    given = _arguments(make, spec, run)
    try:
        first = make(**given)
    except TypeError as error:
        raise ValueError(f"{spec} cannot be made: {error}.") from error
    factory = first if callable(first) and not isinstance(first, kind) else None
    if factory is not None:
        first = factory()
    if not isinstance(first, kind):
        lacking = [name for name in ("name", "reset", *methods) if not hasattr(first, name)]
        words = f"{spec} is no {kind.__name__}: it lacks {', '.join(lacking)}."
        if isinstance(first, Answerer):
            words += " It answers single questions alone: paars tasks query, item or view."
        raise ValueError(words)
    if stack is not None:
        from paars_gym.shoppers.llm_shared import ModelShoppers

        shaping = {name: value for name, value in run.options.items() if name != "model"}
        return ModelShoppers(lambda: make(**given), stack, shaping, condition=run.condition)
    if factory is not None:
        return factory  # type: ignore[no-any-return]
    if "vectors" in inspect.signature(make).parameters and hasattr(first, "vectors"):
        given["vectors"] = first.vectors
    return lambda: make(**given)


def _arguments(make: Callable[..., Any], spec: str, run: RunConfig) -> dict[str, Any]:
    """What a class or function is given of a run: its options, and of condition, model and budget what it takes.

    Raises:
        ValueError: An option that it has not.
    """
    parameters = inspect.signature(make).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    for option in run.options:
        if option not in names and not takes_all:
            own = [name for name in names if name not in ("condition", "budget")]
            raise ValueError(f"{spec} has no option {option!r}. It has: {', '.join(own) or 'none'}.")
    given: dict[str, Any] = {"condition": run.condition, "budget": run.budget}
    if run.model is not None:
        given["model"] = run.model
    return {name: value for name, value in given.items() if name in names or takes_all} | dict(run.options)


def _opened(spec: str, default: Any, run: RunConfig) -> tuple[Stack, RunConfig]:
    """The model of a class that takes a ``model`` and no ``budget``, opened, and the run with it among its options.

    The options of the model are among them too: they are for the constructor.
    """
    from paars_gym.llm.stack import open_model

    if run.model is None and not isinstance(default, str):
        raise ValueError(f"{spec} asks a language model and needs one: --model openai:gpt-4.1-mini, for example.")
    config = ModelConfig.of(default) if run.model is None else run.model
    stack = open_model(config, run.budget)
    fields = {"temperature": config.temperature, "context_tokens": config.context_tokens}
    options = {**run.options, **config.options, **{name: value for name, value in fields.items() if value is not None}}
    return stack, run.model_copy(update={"options": {**options, "model": stack}, "model": None})


def shopper_maker(spec: str) -> Callable[..., Any]:
    """The class or function that a name stands for.

    Raises:
        ValueError: Unknown name; says what is possible.
    """
    if spec.lower().startswith(LIKELIHOOD):
        from paars_gym.shoppers.text_likelihood import likelihood_shoppers

        return partial(likelihood_shoppers, spec[len(LIKELIHOOD) :].strip())
    reference = SHOPPERS.get(spec.lower(), spec)
    if not re.fullmatch(r"[\w.]+:[\w.]+", reference):
        close = difflib.get_close_matches(spec.lower(), SHOPPERS, n=1, cutoff=0.5)
        guess = f" Did you mean {close[0]}?" if close else ""
        names = ", ".join(sorted([*SHOPPERS, f"{LIKELIHOOD}MODEL"]))
        raise ValueError(f"Unknown shopper {spec!r}.{guess} Available: {names}, or module:Class of your own.")
    try:
        return load_named(reference)
    except LookupError as missing:
        raise ValueError(f"Unknown shopper {spec!r}. {missing}") from None
