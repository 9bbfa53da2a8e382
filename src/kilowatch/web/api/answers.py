"""How the API answers: structs as JSON, and how each path says in its document what it may answer."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import JSONResponse

from kilowatch.web.plain import Refusal

_REFERENCE = "#/components/schemas/{name}"
_shown: dict[str, type] = {"Refusal": Refusal}

WHY: Mapping[int, str] = {
    400: "The body is no JSON.",
    401: "Nobody is known by that token, or there was none.",
    403: "The caller's role is not enough.",
    404: "There is none of that name.",
    409: "It cannot be done as things stand; `hint` says what to do first.",
    413: "The body is too large.",
    415: "The body is not sent as application/json.",
    422: "A parameter or the body makes no sense.",
    429: "Too many wrong tokens, or too many streams; wait for Retry-After seconds.",
    503: "The database or another part does not answer.",
}
# Door, roles, parameters and database can refuse on any path, so no path has to name these.
_ALWAYS = (401, 403, 422, 429, 503)
_WITH_BODY = (400, 413, 415)


class Answer(JSONResponse):
    """A struct as JSON."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a struct."""
        return msgspec.json.encode(content)


def told(kind: type, *statuses: int, body: type | None = None) -> dict[str, Any]:
    """Return what a path's decorator says of its answers: a struct on 200, refusals else. body: of what is sent."""
    bad = [*_ALWAYS, *statuses, *(_WITH_BODY if body is not None else ())]
    responses: dict[int, Any] = {200: _described((kind.__doc__ or "").splitlines()[0], kind)}
    responses |= {status: _described(WHY[status], Refusal) for status in sorted(bad)}
    said: dict[str, Any] = {"response_class": Answer, "response_model": None, "responses": responses}
    if body is not None:
        content = {"application/json": {"schema": reference(body)}}
        said["openapi_extra"] = {"requestBody": {"required": True, "content": content}}
    return said


def reference(kind: type) -> dict[str, str]:
    """Return a reference to a struct's schema, which the document will hold."""
    _shown[kind.__name__] = kind
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def schemas() -> dict[str, Any]:
    """Return the schemas of all structs that any path names."""
    _, components = msgspec.json.schema_components(_shown.values(), ref_template=_REFERENCE)
    return dict(sorted(components.items()))


def _described(words: str, kind: type) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": reference(kind)}}}
