"""What README and docs hand to Helm renders: the chart refuses values that lack a secret or a source it needs."""

from __future__ import annotations

import re

import pytest
import yaml

from deploy.charts import manifests
from docs.snippets import Snippet, snippets

_HANDED = re.compile(r"^helm .* -f - <<END\b.*?\n(.*?)^END$", re.MULTILINE | re.DOTALL)
HANDED = [(one, values) for one in snippets() for values in _HANDED.findall(one.body)]


def test_there_are_some() -> None:
    assert len(HANDED) >= 3


@pytest.mark.parametrize(("snippet", "values"), [pytest.param(*one, id=one[0].name) for one in HANDED])
def test_the_chart_takes_it(snippet: Snippet, values: str) -> None:
    kinds = {one["kind"] for one in manifests(yaml.safe_load(values))}
    assert {"Service", "ConfigMap"} <= kinds, snippet.name
    assert kinds & {"StatefulSet", "Deployment"}
