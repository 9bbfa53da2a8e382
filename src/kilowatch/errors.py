"""Every error kilowatch raises on purpose, drawn as a tree.

KilowatchError
├── ConfigError      a setting or an argument is wrong            exit 2
├── ReadingError     data could not be read or makes no sense     exit 3
├── DetectorError    a detector was asked for what it cannot do   exit 2
├── ModelError       a model artifact is wrong or does not fit    exit 3
├── StateError       saved state is torn, newer or of another     exit 3
├── ComponentError   a broker, database or server is not there    exit 4
│   └── PlugError    a plug does not answer, or makes no sense    exit 4
└── MissingExtraError an optional package is not installed        exit 4
"""

from __future__ import annotations


class KilowatchError(Exception):
    """What happened, and in `hint` what to do next."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(KilowatchError):
    """A setting or an argument is wrong."""

    exit_code = 2


class ReadingError(KilowatchError):
    """Data could not be read, or makes no sense as power readings."""

    exit_code = 3


class DetectorError(KilowatchError):
    """A detector was asked for what it cannot do."""

    exit_code = 2


class ModelError(KilowatchError):
    """A model artifact is corrupt, newer than this version, or does not fit what it was asked for."""

    exit_code = 3


class StateError(KilowatchError):
    """Saved state is torn, of a newer format, or of another make of detector."""

    exit_code = 3


class ComponentError(KilowatchError):
    """A broker, database or server that is needed does not answer."""

    exit_code = 4


class FullError(ComponentError):
    """Nothing more fits into a queue at present: whoever fills it waits."""


class PlugError(ComponentError):
    """A plug does not answer, refuses, or says what makes no sense."""


class MissingExtraError(KilowatchError):
    """An optional package is needed and not installed."""

    exit_code = 4

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed.", f"Install it with: pip install 'kilowatch[{extra}]'")
