"""What every plug adapter must do; each make's test class inherits it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pytest

from kilowatch.config import Secret
from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.errors import ComponentError
from kilowatch.links.plugs import HttpSettings, Login, open_plug
from kilowatch.sim.plugs import PlugFault
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.ports import Plug
    from kilowatch.sim.plugs import Make, SimPlug

PASSWORD = "correct horse"  # noqa: S105
SHORT = HttpSettings(timeout_s=0.6)


class PlugContract(ABC):
    """One adapter against one simulated plug of its make."""

    @property
    @abstractmethod
    def make(self) -> Make: ...

    @pytest.fixture
    def sim(self) -> Iterator[SimPlug]:
        sim = plug_of(self.make, password=PASSWORD)
        with host_of(sim):
            yield sim

    @pytest.fixture
    def plug(self, sim: SimPlug) -> Iterator[Plug]:
        plug = open_plug(sim.address, SHORT, Login(Secret(PASSWORD)))
        yield plug
        plug.close()

    def trouble(self, plug: Plug) -> PlugTrouble:
        with pytest.raises(PlugFailedError) as caught:
            plug.read()
        assert isinstance(caught.value, ComponentError)
        assert caught.value.hint
        assert PASSWORD not in str(caught.value) + caught.value.hint
        return caught.value.trouble

    def test_reads_what_the_appliance_draws(self, plug: Plug, sim: SimPlug) -> None:
        said = plug.read()
        assert said.on
        assert said.power_w == pytest.approx(11, abs=2)
        assert said.energy_wh == pytest.approx(sim.outlet.energy_wh(), abs=1.0)
        assert 100 < (said.energy_wh or 0.0) < 200

    def test_the_register_counts_in_watt_hours(self, plug: Plug, sim: SimPlug) -> None:
        early = plug.read().energy_wh
        sim.outlet.clock.start_ms += 3_600_000 * 10
        late = plug.read().energy_wh
        assert early is not None
        assert late == pytest.approx(early + 110, rel=0.1)

    def test_off_is_read_back_and_the_appliance_stops(self, plug: Plug, sim: SimPlug) -> None:
        plug.switch_off()
        said = plug.read()
        assert (said.on, said.power_w) == (False, 0.0)
        assert [seen.switched for seen in sim.seen if seen.switched is not None] == [False]

    def test_off_when_off_already_changes_nothing(self, plug: Plug, sim: SimPlug) -> None:
        plug.switch_off()
        plug.switch_off()
        assert not plug.read().on
        assert [seen.switched for seen in sim.seen if seen.switched is not None] == [False, False]

    def test_on_again(self, plug: Plug) -> None:
        plug.switch_off()
        plug.switch_on()
        said = plug.read()
        assert said.on
        assert said.power_w == pytest.approx(11, abs=2)

    def test_reading_switches_nothing(self, plug: Plug, sim: SimPlug) -> None:
        for _ in range(3):
            plug.read()
        assert all(seen.switched is None for seen in sim.seen)

    def test_a_wrong_password_is_a_refused_login_and_switches_nothing(self, sim: SimPlug) -> None:
        plug = open_plug(sim.address, SHORT, Login(Secret("wrong")))
        assert self.trouble(plug) is PlugTrouble.LOGIN
        with pytest.raises(PlugFailedError):
            plug.switch_off()
        plug.close()
        assert sim.outlet.is_on
        assert all(seen.switched is None for seen in sim.seen)

    def test_no_password_is_a_refused_login(self, sim: SimPlug) -> None:
        plug = open_plug(sim.address, SHORT)
        assert self.trouble(plug) is PlugTrouble.LOGIN
        plug.close()

    def test_a_plug_without_password_lets_in(self, sim: SimPlug) -> None:
        sim.password = None
        plug = open_plug(sim.address, SHORT)
        assert plug.read().on
        plug.close()

    def test_dead_is_unreachable(self, plug: Plug, sim: SimPlug) -> None:
        sim.outlet.fault = PlugFault.DEAD
        assert self.trouble(plug) is PlugTrouble.UNREACHABLE
        sim.outlet.fault = None
        assert plug.read().on

    def test_nobody_there_is_unreachable(self) -> None:
        plug = open_plug(f"{self.make}://127.0.0.1:9/0", SHORT)
        assert self.trouble(plug) is PlugTrouble.UNREACHABLE
        plug.close()

    @pytest.mark.parametrize("fault", [PlugFault.MUTE, PlugFault.SLOW])
    def test_slow_is_given_up_in_time(self, plug: Plug, sim: SimPlug, fault: PlugFault) -> None:
        sim.outlet.fault = fault
        start_s = time.monotonic()
        assert self.trouble(plug) is PlugTrouble.SLOW
        assert time.monotonic() - start_s < 2.0
        sim.outlet.fault = None
        assert plug.read().on

    def test_garbage_is_named_so(self, plug: Plug, sim: SimPlug) -> None:
        sim.outlet.fault = PlugFault.GARBAGE
        assert self.trouble(plug) is PlugTrouble.GARBAGE

    def test_a_redirect_is_not_followed(self, plug: Plug, sim: SimPlug) -> None:
        sim.outlet.fault = PlugFault.REDIRECT
        assert self.trouble(plug) is PlugTrouble.REDIRECT

    def test_an_address_outside_the_networks_is_never_called(self, sim: SimPlug) -> None:
        plug = open_plug(sim.address, HttpSettings(allowed_networks=("10.0.0.0/8",)), Login(Secret(PASSWORD)))
        assert self.trouble(plug) is PlugTrouble.FORBIDDEN
        plug.close()
        assert sim.seen == []

    def test_a_name_is_judged_by_where_it_leads(self, sim: SimPlug) -> None:
        address = sim.address.replace("127.0.0.1", "localhost")
        plug = open_plug(address, HttpSettings(allowed_networks=("127.0.0.0/8", "::1/128")), Login(Secret(PASSWORD)))
        assert plug.read().on
        plug.close()
        outside = open_plug(address, HttpSettings(allowed_networks=("192.168.0.0/16",)), Login(Secret(PASSWORD)))
        assert self.trouble(outside) is PlugTrouble.FORBIDDEN
        outside.close()

    def test_stuck_says_that_it_is_on(self, plug: Plug, sim: SimPlug) -> None:
        sim.outlet.fault = PlugFault.STUCK
        plug.switch_off()
        assert plug.read().on

    def test_welded_says_off_and_still_draws(self, plug: Plug, sim: SimPlug) -> None:
        sim.outlet.fault = PlugFault.WELDED
        plug.switch_off()
        said = plug.read()
        assert not said.on
        assert said.power_w == pytest.approx(11, abs=2)

    def test_the_log_of_the_plug_holds_no_password(self, plug: Plug, sim: SimPlug) -> None:
        plug.read()
        assert PASSWORD not in repr(sim.seen)
