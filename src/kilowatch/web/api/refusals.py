"""Errors as JSON: `error` says what happened, `hint` what to do next."""

import logging

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from kilowatch.errors import ComponentError, ConfigError, KilowatchError
from kilowatch.web.api.answers import Answer
from kilowatch.web.api.here import NotAllowedError
from kilowatch.web.house import NotKnownError
from kilowatch.web.plain import Refusal

_log = logging.getLogger("kilowatch.web")
# The first that fits: NotKnownError is a ConfigError too.
_STATUS: tuple[tuple[type[KilowatchError], int], ...] = (
    (NotAllowedError, 403),
    (NotKnownError, 404),
    (ConfigError, 409),
    (ComponentError, 503),
)
_HINTS = {
    404: "The paths are in /api/v1/openapi.json.",
    405: "The paths and their methods are in /api/v1/openapi.json.",
    415: "Send it with Content-Type: application/json.",
    429: "Wait, then try again.",
}


def refusing(app: FastAPI) -> None:
    """Let an app answer errors as the API does."""
    app.add_exception_handler(KilowatchError, _ours)
    app.add_exception_handler(msgspec.DecodeError, _not_json)
    app.add_exception_handler(msgspec.ValidationError, _makes_no_sense)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(Exception, _unforeseen)


def _ours(_: Request, error: Exception) -> Answer:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status >= 500:
        _log.error("%s", error)
    return _refusal(status, str(error), getattr(error, "hint", ""))


def _not_json(_: Request, error: Exception) -> Answer:
    return _refusal(400, f"The body is no JSON: {error}.", "See /api/v1/openapi.json.")


def _makes_no_sense(_: Request, error: Exception) -> Answer:
    return _refusal(422, f"The body makes no sense: {error}.", "See /api/v1/openapi.json.")


def _bad_parameter(_: Request, error: Exception) -> Answer:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    words = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
    return _refusal(422, f"A parameter makes no sense: {words}.", "See /api/v1/openapi.json.")


def _of_the_framework(_: Request, error: Exception) -> Answer:
    if not isinstance(error, HTTPException):
        return _unforeseen(_, error)
    answer = _refusal(error.status_code, str(error.detail), _HINTS.get(error.status_code, "See docs/api.md."))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    if error.status_code == 429:
        answer.headers["retry-after"] = "10"
    return answer


def _unforeseen(_: Request, error: Exception) -> Answer:
    _log.error("A request failed.", exc_info=error)
    # Only the log is told what: nobody knows what an unforeseen error may hold.
    return _refusal(500, "Something went wrong inside kilowatch.", "The log says more.")


def _refusal(status: int, error: str, hint: str) -> Answer:
    return Answer(Refusal(error=error, hint=hint), status_code=status)
