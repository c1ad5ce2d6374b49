"""What can go wrong between us and a model; a `TransientError` is worth another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paars_gym.exit_codes import ExitCode
from paars_gym.files import StorageError

if TYPE_CHECKING:
    from paars_gym.llm.chat import Usage


class ModelError(RuntimeError):
    """Anything that kept a model from answering. The message is fit to be shown and logged: it holds no keys.

    Attributes:
        answered: The server had begun to answer with status 200, so that the call is paid for.
        usage: Tokens of that answer, where it said them.
        lost: The request went out and no answer came: whether it is paid for, nobody here knows.
        exit_code: Of a command that it ends.
    """

    answered: bool = False
    usage: Usage | None = None
    lost: bool = False
    exit_code: int = ExitCode.MODEL_FAILED


class TransientError(ModelError):
    """May go away by itself: worth another try.

    Attributes:
        retry_after: Seconds the server asked us to wait; None when it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimitError(TransientError):
    """The server says that we ask too much (429), or that it is overloaded (529, 503)."""


class ServerError(TransientError):
    """The server failed (5xx, 408, 409)."""


class ModelTimeoutError(TransientError):
    """No answer within the time we allow."""


class UnreachableError(TransientError):
    """No connection, or it broke before the answer was whole."""


class BrokenReplyError(TransientError):
    """An answer came, but it is not what the protocol promises: cut off, or not JSON."""


class RequestError(ModelError):
    """The server refuses this request for good: a wrong parameter, an unknown model (4xx).

    Attributes:
        parameter: The one that it does not take, where it says so.
    """

    parameter: str = ""


class ContextLengthError(RequestError):
    """The request does not fit into the model's context."""


class RefusedError(ModelError):
    """The model, or the provider's filter, declines to answer."""


class MissingKeyError(ModelError):
    """There is no key in the environment, or the server does not accept it (401, 403)."""

    exit_code = ExitCode.WRONG_USE


class OutOfCreditError(ModelError):
    """The account has nothing left to spend (402, or a 400 or 429 that says so)."""


class LostCauseError(ModelError):
    """All requests fail for one cause, which the next ones would meet as well."""


class MalformedAnswerError(ModelError):
    """The model answered, and again after the repair, but not in the form asked for."""


class OutOfRepliesError(ModelError):
    """A scripted model was asked more often than its file has replies."""


class OfflineError(ModelError):
    """The call is not in the cache, and calls are forbidden."""


class BudgetSpentError(ModelError):
    """The call might exceed what may be spent. Everything done so far is kept."""

    exit_code = ExitCode.CAPPED


RUN_ENDING = (BudgetSpentError, MissingKeyError, OutOfCreditError, LostCauseError, StorageError)
"""What the next session or question would meet as well: it ends a run, and its session counts as not played."""
