"""The options of verbs whose questions can be answered elsewhere: written to a file, and scored when they are back."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from paars_gym.cli.app import console
from paars_gym.cli.model_options import NOTHING_ASKED, ModelOptions, read_prompt
from paars_gym.cli.option_groups import with_options
from paars_gym.cli.shared_options import ELSEWHERE

if TYPE_CHECKING:
    from paars_gym.tasks.elsewhere import AnswerReader, Exported, QuestionWriter


class AskedElsewhere(NamedTuple):
    """What the options ask for.

    Attributes:
        writer: Gets the questions; None without ``--export-questions``.
        reader: Gives the answers; None without ``--answers``.
    """

    writer: QuestionWriter | None = None
    reader: AnswerReader | None = None

    @property
    def policies(self) -> tuple[QuestionWriter | AnswerReader, ...]:
        """Whom a task asks for it."""
        return tuple(each for each in self if each is not None)

    def here(self, asking: ModelOptions) -> ModelOptions:
        """The options of a model for whoever is asked here: none where all are asked elsewhere."""
        return NOTHING_ASKED if self.policies else asking


@dataclass(frozen=True)
class ElsewhereOptions:
    """The group as it was given; `with_elsewhere` puts it among the options of a verb."""

    export_questions: Annotated[
        Path | None,
        typer.Option(
            "--export-questions",
            help="Ask nobody: write the exact requests here, a JSON object a line, for whoever can answer. No right "
            "answer and no id of a person is in it, and personal data are taken out.",
            rich_help_panel=ELSEWHERE,
        ),
    ] = None
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="Score answers to exported questions: a JSON object a line, with the question's id, answer (a number, "
            '"option 2", a text, or the JSON object asked for), by (who answered) and at (when).',
            rich_help_panel=ELSEWHERE,
        ),
    ] = None
    by_whom: Annotated[
        str | None,
        typer.Option(
            "--by-whom",
            help="Who gave --answers, as tables call it; by default what the file says in by.",
            rich_help_panel=ELSEWHERE,
        ),
    ] = None

    def asked(
        self,
        task: Literal["item", "query", "view", "survey"],
        asking: ModelOptions,
        *,
        seed: int,
        out: Path | None,
        others: Mapping[str, object],
    ) -> AskedElsewhere:
        """Whom the options stand for; nobody where none is given.

        Args:
            task: Whose questions.
            asking: Options of a model, of which --prompt alone goes with these.
            seed: Of the order of the questions.
            out: Where results go, which an export has none of.
            others: More options that do not go with these, by how they are written.

        Raises:
            FileNotFoundError: There is no file of answers.
            ValueError: Options do not go together, or the file holds something else.
        """
        if self.by_whom is not None and self.answers is None:
            raise ValueError(f"--by-whom {self.by_whom} is for --answers: it says who gave them.")
        if self.export_questions is None and self.answers is None:
            return AskedElsewhere()
        if self.export_questions is not None and self.answers is not None:
            raise ValueError("--export-questions writes questions, --answers scores what came back: give one of them.")
        used = "--answers" if self.export_questions is None else "--export-questions"
        flags = {f"--{field.name.replace('_', '-')}": getattr(asking, field.name) for field in fields(asking)}
        del flags["--prompt"]  # its words are part of the questions
        for flag, value in {**flags, **others}.items():
            if value not in (None, False, [], ["llm"]):
                raise ValueError(f"{flag} does not go with {used}: nobody is asked here, the questions go elsewhere.")
        if self.export_questions is not None and out is not None:
            raise ValueError(f"--out {out} is for results, and --export-questions has none yet: leave it out.")
        from paars_gym.tasks.elsewhere import AnswerReader, QuestionWriter

        prompt = read_prompt(asking.prompt)
        if self.export_questions is not None:
            return AskedElsewhere(writer=QuestionWriter(task, self.export_questions, seed=seed, prompt=prompt))
        assert self.answers is not None
        return AskedElsewhere(reader=AnswerReader(task, self.answers, self.by_whom, prompt=prompt))


NOWHERE = ElsewhereOptions()
"""The options where none of them is given."""
with_elsewhere = with_options("elsewhere", ElsewhereOptions)
"""A verb with the options of the group where its parameter ``elsewhere`` stands; below `with_outputs`."""


def print_exported(exported: Exported, *, json: bool) -> None:
    """How many questions there are, and what is to be done with them."""
    if json:
        console.write_json(json_module.dumps({"questions": exported.questions, "file": str(exported.path)}))
        return
    console.print(
        f"{exported.questions:,} questions are in {exported.path}. Write the answers as JSON lines with id, answer, by "
        "and at, and give them to the same command with --answers in place of --export-questions."
    )
