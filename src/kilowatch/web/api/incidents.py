"""Incidents and the audit: what was odd, what was done about it and why, and a person's word on it."""

from typing import Annotated

from fastapi import APIRouter, Query

from kilowatch.core.outputs_live import AuditOutput
from kilowatch.core.records import LabelEntry
from kilowatch.web.access import Deed, Visitor
from kilowatch.web.api.answers import Answer, told
from kilowatch.web.api.here import AtHand, Incident, Name, sent, who_may
from kilowatch.web.views import IncidentPage, Incidents
from kilowatch.web.wishes import LabelWish

router = APIRouter(tags=["incidents"])
_LATEST_MS = 253_402_300_799_999
Limit = Annotated[int, Query(ge=1, le=1000)]
Labeller = Annotated[Visitor, who_may(Deed.LABEL)]


@router.get("/incidents", **told(Incidents))
def incidents(
    here: AtHand,
    site: Name = None,
    device: Name = None,
    only_open: Annotated[bool, Query(alias="open", description="only what has not ended")] = False,
    from_ms: Annotated[int, Query(ge=0, le=_LATEST_MS, description="that began then or later, ms UTC")] = 0,
    before_ms: Annotated[int, Query(ge=0, le=_LATEST_MS, description="that began before, ms UTC")] = _LATEST_MS,
    after_id: Annotated[
        str | None, Query(max_length=64, description="of those that began at before_ms, the ones after this id")
    ] = None,
    limit: Limit = 100,
) -> Answer:
    """Incidents, newest first; for the next page give first_ms and id of the last one as before_ms and after_id."""
    found = here.house.incidents(
        site, device, before_ms=before_ms, from_ms=from_ms, after_id=after_id, only_open=only_open, limit=limit
    )
    return Answer(Incidents(incidents=found))


@router.get("/incidents/{incident}", **told(IncidentPage, 404))
def incident_page(here: AtHand, incident: Incident) -> Answer:
    """An incident: what was expected, what was done about it or why not, and the power around it."""
    return Answer(here.house.incident(incident))


@router.post("/incidents/{incident}/label", **told(LabelEntry, 404, body=LabelWish))
def label(here: AtHand, caller: Labeller, incident: Incident, wish: Annotated[LabelWish, sent(LabelWish)]) -> Answer:
    """Say what it was: real, harmless, or nothing at all (wrong). kilowatch learns from it."""
    here.house.require_incident(incident)
    entry = here.words.label(incident, wish.label, caller.name)
    here.house.touched()
    return Answer(entry)


@router.post("/incidents/{incident}/undo", **told(LabelEntry, 404, 409))
def undo(here: AtHand, caller: Labeller, incident: Incident) -> Answer:
    """Take the word on an incident back."""
    here.house.require_incident(incident)
    entry = here.words.take_back(incident, caller.name)
    here.house.touched()
    return Answer(entry)


@router.post("/incidents/{incident}/ack", **told(IncidentPage, 404))
def acknowledge(here: AtHand, caller: Labeller, incident: Incident) -> Answer:
    """Say that it is seen: nobody is told again, and nothing is switched for it."""
    here.house.require_incident(incident)
    here.words.acknowledge(incident, caller.name)
    here.house.touched()
    return Answer(here.house.incident(incident))


@router.get("/audit", **told(AuditOutput))
def audit(here: AtHand, site: Name = None, device: Name = None, limit: Limit = 100) -> Answer:
    """What was decided and done, the newest lines, oldest first, with the evidence that each rests on."""
    entries = here.house.audit(limit, site, device)
    return Answer(AuditOutput(entries=entries[::-1]))
