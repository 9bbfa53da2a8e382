"""Settings of the live system: one TOML, environment over file over default, every value with its origin."""

from kilowatch.config.devices import device_records
from kilowatch.config.load import Loaded, load_config
from kilowatch.config.secret import Secret
from kilowatch.config.sections import Config

__all__ = ["Config", "Loaded", "Secret", "device_records", "load_config"]
