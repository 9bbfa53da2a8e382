"""The API keeps to its own document: schemathesis makes requests of it, seeded and bounded, against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kilowatch.web.access import Role
from web.rooms import TOKENS, rooms_in, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HEADERS = {"Authorization": f"Bearer {TOKENS[Role.ADMIN]}"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    rooms = rooms_in(tmp_path_factory.mktemp("house"))
    with serving(rooms) as address:
        yield address
    rooms.close()


def test_every_answer_is_as_the_document_says(address: str) -> None:
    found = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", headers=HEADERS)
    every = found.exclude(path="/api/v1/stream").get_all_operations()  # a stream has no end
    told = [one.ok() for one in every if isinstance(one, Ok)]
    assert len(told) == 28 - 1
    for operation in told:
        _hold(operation)


def _hold(operation: Any) -> None:
    @settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def hold(case: Any) -> None:
        case.call_and_validate(headers=HEADERS, checks=CHECKS)

    hold()
