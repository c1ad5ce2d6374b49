"""What can go wrong between us and a model; a `TransientError` is worth another try."""

from __future__ import annotations


class ModelError(RuntimeError):
    """Anything that kept a model from answering. The message is fit to be shown and logged: it holds no keys."""


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
    """The server refuses this request for good: a wrong parameter, an unknown model (4xx)."""


class ContextLengthError(RequestError):
    """The request does not fit into the model's context."""


class RefusedError(ModelError):
    """The model, or the provider's filter, declines to answer."""


class MissingKeyError(ModelError):
    """There is no key in the environment, or the server does not accept it (401, 403)."""


class OutOfCreditError(ModelError):
    """The account has nothing left to spend (402, or a 429 that says so)."""


class MalformedAnswerError(ModelError):
    """The model answered, and again after the repair, but not in the form asked for."""


class OutOfRepliesError(ModelError):
    """A scripted model was asked more often than its file has replies."""


class OfflineError(ModelError):
    """The call is not in the cache, and calls are forbidden."""


class BudgetSpentError(ModelError):
    """The call might exceed what may be spent. Everything done so far is kept."""
