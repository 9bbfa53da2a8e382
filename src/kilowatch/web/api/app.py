"""The whole of the API as one application, with the door and the guard in front of it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from kilowatch.web.access import Keys
from kilowatch.web.api import devices, incidents, probes, services, stream
from kilowatch.web.api.answers import schemas
from kilowatch.web.api.here import LOOKING, Here
from kilowatch.web.api.refusals import refusing
from kilowatch.web.door import COOKIE, Door
from kilowatch.web.guard import Guard

PREFIX = "/api/v1"
API_V = "1"
_TITLE = "kilowatch"
_WAYS_IN = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "with _PORT where the address has one",
    },
}
_WORDS = (
    "Every answer is JSON. A refusal has `error`, what happened, and `hint`, what to do next. Times are the home's, "
    "in ms UTC; powers in W, energies in Wh. Roles: viewer looks; operator labels, mutes, disarms, protects and "
    "switches; admin arms, takes protection away, edits devices and chooses models."
)


class Api(FastAPI):
    """The framework's application with a document that holds our structs' own schemas."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            made = get_openapi(title=_TITLE, version=API_V, description=_WORDS, routes=self.routes)
            made["components"] = {"schemas": schemas(), "securitySchemes": _WAYS_IN}
            made["security"] = [{name: []} for name in _WAYS_IN]
            for path in ("/healthz", "/readyz"):
                made["paths"][path]["get"]["security"] = []
            self.openapi_schema = made
        return self.openapi_schema


def app_of(here: Here, keys: Keys) -> Api:
    """Return the application; the page is mounted on it afterwards."""
    # The framework's pages of documentation load scripts from another machine.
    app = Api(openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None)
    app.state.here = here
    for part in (devices, incidents, services, stream):
        app.include_router(part.router, prefix=PREFIX, dependencies=[LOOKING])
    app.include_router(probes.router)
    # Before the page, which would answer a program with a page of its own.
    app.add_api_route("/api/{path:path}", _nowhere, include_in_schema=False)
    refusing(app)
    # What is added last stands outermost: the guard also dresses what the door turns away.
    app.add_middleware(Door, keys=keys)
    app.add_middleware(Guard)
    return app


async def _nowhere(path: str) -> None:
    raise HTTPException(404, f"There is nothing at /api/{path}.")
