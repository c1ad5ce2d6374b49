"""What goes wrong with a remote place, in words: no package, no key, no bucket, no room, no network."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paars_gym.files import StorageError

PACKAGES = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The extra of this package for a scheme."""
FULL = ("InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "507")
"""What servers of objects say when there is no room."""
KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL_S3 for a server of your own)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
}
_NO_KEY = ("NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "TokenRetrievalError")
_WRONG_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure")


class RemoteError(StorageError):
    """A remote place is full, or does not answer: nothing that was made is lost."""

    def __init__(self, url: str, reason: str, advice: str) -> None:
        super().__init__(errno.EIO, reason, url)
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        """As it was made: workers send it to the driver."""
        return type(self), (self.filename, self.strerror, self.advice)

    def __str__(self) -> str:
        return f"{self.filename!r}: {self.strerror}. {self.advice}"


@contextmanager
def in_words(url: str) -> Iterator[None]:
    """Whatever the file system of a URL raises becomes an error of ours that says what was wrong and what to do.

    Raises:
        ImportError: The package for the scheme is missing.
        ValueError: No such scheme.
        FileNotFoundError: No such bucket, folder or file.
        PermissionError: No key, a wrong one, or one that may not.
        RemoteError: It is full, out of order, or cannot be reached.
    """
    try:
        yield
    except (StorageError, KeyboardInterrupt):
        raise
    except ImportError as error:
        raise _no_package(url, error) from None
    except Exception as error:
        if getattr(error, "in_words", False):
            raise
        raise _told(url, error) from error


def no_bucket(error: Exception) -> bool:
    """Whether not only a file is missing, but the bucket it would lie in."""
    return any(code == "NoSuchBucket" for each in _causes(error) for code in _codes(each))


def _no_package(url: str, error: ImportError) -> ImportError:
    scheme = url.partition(":")[0]
    if (error.name or "").partition(".")[0] == "fsspec":
        what = f'pip install "paars_gym[{PACKAGES.get(scheme, "remote")}]"'
    elif scheme in PACKAGES:
        what = f'pip install "paars_gym[{PACKAGES[scheme]}]"'
    else:
        what = str(error)
    return ImportError(f"{url!r} needs a package that is not installed: {what}.")


def _told(url: str, error: Exception) -> Exception:
    scheme = url.partition(":")[0]
    keys = KEYS.get({"s3a": "s3", "gcs": "gs"}.get(scheme, scheme), f"what fsspec reads for {scheme}")
    causes = list(_causes(error))
    kinds = {kind.__name__ for each in causes for kind in type(each).__mro__}
    codes = {code for each in causes for code in _codes(each)}
    said = _one_line(error)
    told: Exception
    if isinstance(error, ValueError) and "rotocol not known" in said:
        told = ValueError(
            f"{url!r}: no scheme {scheme!r} is known; write a path, or s3://, gs:// or another of fsspec."
        )
    elif codes & set(FULL) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        told = RemoteError(url, f"there is no room left ({said})", "Make room, and run the same command again.")
    elif kinds & set(_NO_KEY):
        told = PermissionError(f"{url!r}: no key was found. Set {keys}.")
    elif codes & set(_WRONG_KEY):
        told = PermissionError(f"{url!r}: the key was refused ({said}). Set {keys} again.")
    elif isinstance(error, PermissionError) or codes & {"401", "403"}:
        told = PermissionError(f"{url!r}: your key may not do that ({said}). Ask who owns it, or set {keys}.")
    elif no_bucket(error):
        told = FileNotFoundError(f"{url!r}: there is no such bucket. Make it first, or choose another place.")
    elif isinstance(error, FileNotFoundError) or "404" in codes:
        told = FileNotFoundError(f"There is nothing at {url!r}.")
    elif isinstance(error, OSError) or kinds & {"BotoCoreError", "ClientError", "HttpError"} or _is_network(error):
        told = RemoteError(url, f"it does not answer as it should ({said})", "Run the same command again later.")
    else:
        told = ValueError(f"{url!r} cannot be used: {type(error).__name__}: {said}.")
    vars(told)["in_words"] = True
    return told


def _is_network(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("aiohttp", "botocore", "aiobotocore", "requests", "gcsfs")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _codes(error: BaseException) -> Iterator[str]:
    """The codes of an answer of S3's, and its HTTP status."""
    answer: Any = getattr(error, "response", None)
    if isinstance(answer, dict):
        yield str(answer.get("Error", {}).get("Code", ""))
        yield str(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if isinstance(status := getattr(error, "code", getattr(error, "status", None)), int):
        yield str(status)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error.strerror if isinstance(error, OSError) and error.strerror else error).split())
    return (text or type(error).__name__).rstrip(".")[:200]
