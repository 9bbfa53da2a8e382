"""What machines ask: whether this process lives, whether it can serve, and its metrics."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from kilowatch.observability.health import Health, Told
from kilowatch.web.api.answers import Answer, told
from kilowatch.web.api.here import LOOKING, AtHand

router = APIRouter(tags=["probes"])
_HEALTH = Health()


@router.get("/healthz", **told(Told))
def healthz() -> Answer:
    """The process lives; asks for no token."""
    return Answer(_HEALTH.live_now())


@router.get("/readyz", **told(Told))
def readyz(here: AtHand) -> Answer:
    """The database answers; asks for no token."""
    here.house.check()
    _HEALTH.ready()
    return Answer(_HEALTH.ready_now())


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
