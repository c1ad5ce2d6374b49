"""The ``paars`` command: one thin function a verb, each calling the room that does the work."""

# Each registers its verbs, in the order in which the help shows them.
from paars_gym.cli import simulation, alignment, tasks, session_task, next_action, experiments, fitting, calibration  # noqa: F401, I001
from paars_gym.cli import report, probing, twins, play, serve, doctor, prompting, catalogs, logs, exporting  # noqa: F401
from paars_gym.cli import people, data  # noqa: F401
from paars_gym.cli.app import app, main

__all__ = ["app", "main"]
