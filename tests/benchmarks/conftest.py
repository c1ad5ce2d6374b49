"""The small log and the server of the tasks' tests."""

from tests.tasks.conftest import cases, groceries, households, mock

__all__ = ["cases", "groceries", "households", "mock"]
