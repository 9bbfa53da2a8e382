"""What machines ask: whether this process lives, whether it can serve, and its metrics."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from kilowatch.observability.health import Health, Told
from kilowatch.web.api.answers import Answer, reference, told
from kilowatch.web.api.here import LOOKING, AtHand
from kilowatch.web.plain import Refusal

router = APIRouter(tags=["probes"])


def _told() -> dict[str, Any]:
    said = told(Told)
    either = {"anyOf": [reference(Told), reference(Refusal)]}
    said["responses"][503] = {
        "description": "It is not so; `why` or `error` says why.",
        "content": {"application/json": {"schema": either}},
    }
    return said


@router.get("/healthz", **_told())
def healthz(here: AtHand) -> Answer:
    """The process lives; asks for no token."""
    return _said((here.health or _at_once()).live_now())


@router.get("/readyz", **_told())
def readyz(here: AtHand) -> Answer:
    """The database answers, and what lay waiting has been heard; asks for no token."""
    here.house.check()
    return _said((here.health or _at_once()).ready_now())


@router.get(
    "/metrics",
    response_class=Response,
    response_model=None,
    dependencies=[LOOKING],
    responses={200: {"description": "Prometheus's text format.", "content": {"text/plain": {}}}},
)
def metrics(here: AtHand) -> Response:
    """Metrics for Prometheus, which shows its token as a bearer."""
    return Response(here.exposition(), headers={"content-type": CONTENT_TYPE_LATEST})


def _at_once() -> Health:
    """Return what a process says of itself that lives and is ready as soon as it answers."""
    health = Health()
    health.ready()
    return health


def _said(state: Told) -> Answer:
    return Answer(state, status_code=state.status)
