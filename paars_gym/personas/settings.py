"""The settings beside a file of personas, and what the model was not sent."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paars_gym.config import Backend, BudgetConfig, Configuration, ModelConfig
from paars_gym.files import write_whole
from paars_gym.llm.chat import Effort, Message, fit
from paars_gym.llm.families import Family
from paars_gym.personas.mining import MAX_TOKENS, REASONING, mining_request
from paars_gym.personas.redaction import HASH_KEY, Redactor
from paars_gym.prompts import VERSION
from paars_gym.redaction.recognisers import REGIONS

TEMPERATURE = 0.0
"""Ours, as for all single answers: the paper's are missing from the text that we have."""


class Mining(Configuration):
    """What a run of mining does.

    Attributes:
        sessions: Folder of a store.
        out: File of personas, a JSON line each.
        model: Whom to ask.
        budget: What it may take.
        catalog: With the titles, if the sessions have none.
        as_of: Nothing at or after it is used.
        limit: Most shoppers.
        shoppers: File of shoppers, an id a line; None for all.
        token_budget: Most tokens of a history.
        names: File of names to redact, a line each.
        recognisers: Beside the usual ones.
        regions: Whose national telephone numbers are redacted.
        backend: Where the model is asked: ``local``, by this process, or ``ray``, by the workers of a cluster.
        address: Of the Ray cluster; see `paars_gym.cluster.session.Cluster`.
    """

    sessions: Path
    out: Path
    model: ModelConfig
    budget: BudgetConfig = BudgetConfig()
    catalog: str | None = None
    as_of: datetime | None = None
    limit: int | None = None
    shoppers: Path | None = None
    token_budget: int = 6000
    names: Path | None = None
    recognisers: tuple[str, ...] = ()
    regions: tuple[str, ...] = REGIONS
    backend: Backend = "local"
    address: str | None = None

    @model_validator(mode="after")
    def _no_options_of_sessions(self) -> Self:
        unused = [*self.model.options, *(["context_tokens"] if self.model.context_tokens is not None else [])]
        if unused:
            raise ValueError(
                f"Unknown --option {unused[0]} in mining. Available: attempts, stream, temperature, timeout_seconds."
            )
        return self

    @property
    def temperature(self) -> float:
        """As asked for, or ours."""
        return TEMPERATURE if self.model.temperature is None else self.model.temperature


class MiningSettings(BaseModel):
    """The settings of a file of personas.

    Attributes:
        model: Spec.
        family: Of the model, as our table names it.
        temperature, reasoning, max_tokens: As asked for; see ``not_sent``.
        not_sent: What this family of models does not take, or an effort that we had to choose.
        dropped: What was not sent in the end, with the number of calls: also what a server refused when it was asked.
        token_budget: Of a history.
        as_of: Nothing at or after it was used.
        catalog: Where titles came from.
        recognisers: Beside the usual ones; with ``names`` too.
        names: Whether a list of names was redacted; never the names.
        regions: Whose national telephone numbers were redacted.
        prompts: Version of what the model is told.
        pseudonyms: Of a name that is nobody's: another one tells of another key.
        paars_gym: Version.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    family: str
    temperature: float
    reasoning: Effort | None
    max_tokens: int
    not_sent: tuple[str, ...] = ()
    dropped: dict[str, int] = Field(default_factory=dict)
    token_budget: int
    as_of: datetime | None
    catalog: str | None
    recognisers: tuple[str, ...]
    names: bool
    regions: tuple[str, ...]
    prompts: int = VERSION
    pseudonyms: str = ""
    paars_gym: str = Field(default_factory=lambda: version("paars_gym"))

    @classmethod
    def of(cls, mining: Mining, family: Family, redactor: Redactor) -> Self:
        """Those of a run that is about to begin."""
        asked = (Message(role="user", text="Who is it?"),)
        request = mining_request(asked, temperature=mining.temperature).model_copy(update={"output_schema": {}})
        return cls(
            model=mining.model.spec,
            family=family.name,
            temperature=mining.temperature,
            reasoning=REASONING,
            max_tokens=MAX_TOKENS,
            not_sent=fit(request, family)[1],
            token_budget=mining.token_budget,
            as_of=mining.as_of,
            catalog=mining.catalog,
            recognisers=mining.recognisers,
            names=mining.names is not None,
            regions=mining.regions,
            pseudonyms=redactor.pseudonym("nobody"),
        )

    def begin(self, out: Path) -> None:
        """Writes them beside a file of personas that is about to be made.

        Raises:
            ValueError: The file is there, and was begun with others.
        """
        before = read_settings(out)
        if before is None or not out.exists() or not out.stat().st_size:
            self._write(out)
            return
        if before.pseudonyms != self.pseudonyms:
            raise ValueError(
                f"{out} was begun with another key of pseudonyms, under which its shoppers are not known again, and "
                f"all would be mined once more: set ${HASH_KEY} as it was then, or write to another file."
            )
        mine, theirs = self._compared(), before._compared()
        differing = [
            f"{name} == {theirs[name]!r} there and {mine[name]!r} now" for name in mine if mine[name] != theirs[name]
        ]
        if differing:
            raise ValueError(f"{out} was begun with other settings: {'; '.join(differing)}. Write to another file.")

    def record(self, out: Path, dropped: dict[str, int]) -> None:
        """Adds what a run did not send."""
        before = read_settings(out) or self
        sums = {name: before.dropped.get(name, 0) + dropped.get(name, 0) for name in {*before.dropped, *dropped}}
        self.model_copy(update={"dropped": dict(sorted(sums.items()))})._write(out)

    def _compared(self) -> dict[str, Any]:
        return self.model_dump(exclude={"dropped", "paars_gym", "not_sent", "family"})

    def _write(self, out: Path) -> None:
        write_whole(settings_path(out), self.model_dump_json(indent=2) + "\n")


def settings_path(out: Path) -> Path:
    """The file of settings beside a file of personas."""
    return out.with_name(f"{out.stem}.settings.json")


def read_settings(out: Path) -> MiningSettings | None:
    """The settings of a file of personas; None where none were written.

    Raises:
        ValueError: They are damaged.
    """
    path = settings_path(out)
    if not path.exists():
        return None
    try:
        return MiningSettings.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ValueError(f"{path} is damaged: {error.errors()[0]['msg']}.") from None
