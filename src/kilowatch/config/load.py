"""From file and environment to settings, each with where it came from."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kilowatch.config.build import Builder
from kilowatch.config.check import check
from kilowatch.config.environment import from_environment
from kilowatch.config.secret import Secret
from kilowatch.config.tree import Tree, from_file
from kilowatch.config.walk import leaves
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.config.sections import Config

FILE_VARIABLE = "KILOWATCH_CONFIG"
USUAL_FILE = Path("kilowatch.toml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings; file: where they were read from, None where there was none; origins: path to where it came from."""

    config: Config
    file: Path | None
    origins: Mapping[tuple[str, ...], str]

    def origin(self, path: tuple[str, ...]) -> str:
        """Return where a setting came from: default, the file, or the variable's name."""
        return self.origins.get(path, "default")

    def secrets(self) -> list[str]:
        """Return every secret that is set, so that logs can blot them out."""
        return [value.reveal() for _, _, value in leaves(self.config) if isinstance(value, Secret)]


def load_config(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Return the settings: environment over file over default.

    file: None takes the one that KILOWATCH_CONFIG names, else ./kilowatch.toml where it is there, else none.
    `ConfigError` names the setting, what is wrong with it and where it came from.
    """
    variables = os.environ if environment is None else environment
    file = _found(file, variables)
    tree: Tree = {}
    if file is not None:
        tree = from_file(_toml(file), file)
    from_environment(variables, tree)
    builder = Builder()
    config = builder.config(tree)
    check(config)
    return Loaded(config, file, builder.origins)


def _found(file: Path | None, variables: Mapping[str, str]) -> Path | None:
    if file is None and variables.get(FILE_VARIABLE):
        file = Path(variables[FILE_VARIABLE])
    if file is None:
        return USUAL_FILE if USUAL_FILE.is_file() else None
    # The usual file may be missing; one that somebody named must not be passed over in silence.
    if not file.is_file():
        raise ConfigError(f"There is no file {file}.", "Make one with: kilowatch config init")
    return file


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", "It must be a text file in UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not TOML: {error}.", "Mend that line; see https://toml.io.") from error
