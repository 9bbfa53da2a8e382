"""Models, jobs, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from kilowatch.core.device import Kind
from kilowatch.core.jobs import RehearseWish
from kilowatch.core.records import ModelChoice
from kilowatch.core.shadow import ShadowOutput
from kilowatch.web.access import Deed, Visitor
from kilowatch.web.api.answers import Answer, told
from kilowatch.web.api.here import AtHand, Looker, sent, who_may
from kilowatch.web.house import NotKnownError
from kilowatch.web.views import JobAsked, Jobs, JobView, Me, ModelsPage
from kilowatch.web.wishes import PromoteWish

router = APIRouter()
Modeller = Annotated[Visitor, who_may(Deed.MODELS)]
OfKind = Annotated[Kind, Path(description="the kind of device")]


@router.get("/me", tags=["access"], **told(Me))
def me(caller: Looker) -> Answer:
    """Who the caller is, and what they may do."""
    return Answer(Me(name=caller.name, role=caller.role.value, may=[deed.value for deed in Deed if caller.may(deed)]))


@router.get("/models", tags=["models"], **told(ModelsPage))
def models(here: AtHand) -> Answer:
    """Which models judge which kinds, which score beside them, and which there are."""
    return Answer(here.house.models())


@router.get("/models/{kind}/shadow", tags=["models"], **told(ShadowOutput, 404))
def shadow(here: AtHand, kind: OfKind) -> Answer:
    """Where the candidate and the live model of a kind disagree, and what people said of those times."""
    output = here.house.shadow(kind)
    if output is None:
        raise NotKnownError(f"No model scores in shadow for {kind}.", "Choose one with POST /models/{kind}/promote.")
    return Answer(output)


@router.post("/models/{kind}/promote", tags=["models"], **told(ModelChoice, 409, body=PromoteWish))
def promote(here: AtHand, caller: Modeller, kind: OfKind, wish: Annotated[PromoteWish, sent(PromoteWish)]) -> Answer:
    """Choose the models of a kind; judges verify, warm and switch by themselves."""
    return Answer(here.words.choose_model(kind, wish.live, wish.shadow, caller.name))


@router.post("/models/{kind}/rollback", tags=["models"], **told(ModelChoice, 409))
def roll_back(here: AtHand, caller: Modeller, kind: OfKind) -> Answer:
    """Make the model live again that judged a kind before."""
    return Answer(here.words.roll_back_model(kind, caller.name))


@router.get("/jobs", tags=["jobs"], **told(Jobs))
def jobs(here: AtHand, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Answer:
    """What people asked services to do, newest first."""
    return Answer(Jobs(jobs=here.house.jobs(limit)))


@router.get("/jobs/{job}", tags=["jobs"], **told(JobView, 404))
def job_page(here: AtHand, job: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Answer:
    """A job, how far it has come, and what came of it."""
    return Answer(here.house.job(job))


@router.post("/jobs/rehearse", tags=["jobs"], **told(JobAsked, 404, 409, body=RehearseWish))
def rehearse(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.REHEARSE)],
    wish: Annotated[RehearseWish, sent(RehearseWish)],
) -> Answer:
    """Ask what would have happened: alarms a week at each sensitivity, had the recorded days been watched."""
    if wish.site is not None and wish.device is not None:
        here.house.require_device(wish.site, wish.device)
    return Answer(JobAsked(job=here.words.rehearse(wish, caller.name)))


@router.post("/jobs/{job}/give-up", tags=["jobs"], **told(JobView, 404, 409))
def give_up(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.REHEARSE)],
    job: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> Answer:
    """End a rehearsal that waits or runs."""
    here.house.job(job)
    here.words.give_up(job, caller.name)
    return Answer(here.house.job(job))
