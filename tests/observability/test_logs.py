"""Log lines: one for each loss, readable by people or machines, and never a secret."""

from __future__ import annotations

import io
import json
import logging

import pytest

from kilowatch.observability import LogFormat, LogLevel, Presence, set_up_logging

log = logging.getLogger("kilowatch.test")


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


def test_a_text_line_names_level_and_logger(lines: io.StringIO) -> None:
    set_up_logging(stream=lines)
    log.info("the fridge is %s", "cold")
    log.debug("unheard")
    assert lines.getvalue().rstrip().endswith("INFO    kilowatch.test: the fridge is cold")


def test_a_json_line_is_one_object_even_with_line_breaks(lines: io.StringIO) -> None:
    set_up_logging(LogLevel.DEBUG, LogFormat.JSON, stream=lines)
    log.debug('a "quoted"\nword')
    (line,) = lines.getvalue().splitlines()
    said = json.loads(line)
    assert said["message"] == 'a "quoted"\nword'
    assert said["level"] == "debug"
    assert said["time"].endswith("+00:00")


@pytest.mark.parametrize("form", LogFormat)
def test_no_secret_is_written_by_anybody(lines: io.StringIO, form: LogFormat) -> None:
    set_up_logging(LogLevel.DEBUG, form, ["hunter22", "hunter2222", 'hunter"3'], lines)
    try:
        int("hunter2222")
    except ValueError:
        log.exception("could not log in with %s or %s", "hunter22", 'hunter"3')
    assert "hunter" not in lines.getvalue()
    assert "could not log in with *** or ***" in lines.getvalue()
    assert "base 10: '***'" in lines.getvalue()


def test_set_up_twice_writes_once(lines: io.StringIO) -> None:
    set_up_logging(stream=lines)
    set_up_logging(stream=lines)
    log.info("once")
    assert lines.getvalue().count("once") == 1


def test_one_line_when_lost_and_one_when_back(lines: io.StringIO) -> None:
    set_up_logging(stream=lines)
    heard: list[tuple[str, bool]] = []
    plugs = Presence(log, "plug", lambda name, there: heard.append((name, there)))
    plugs.back("fridge")
    for _ in range(3):
        plugs.lost("fridge", "no answer")
    assert heard == [("fridge", False)]
    plugs.back("fridge")
    plugs.back("fridge")
    said = [line.split(": ", 1)[1] for line in lines.getvalue().splitlines()]
    assert said == ["plug fridge is lost: no answer", "plug fridge is back"]
    assert heard == [("fridge", False), ("fridge", True)]
