"""Every make's adapter against a simulated plug of that make."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest

from kilowatch.config import Secret
from kilowatch.core.plug import PlugFailedError, PlugTrouble
from kilowatch.errors import ConfigError
from kilowatch.links.plugs import HttpSettings, Login, open_plug
from kilowatch.links.plugs.http import _context
from kilowatch.sim.plugs import Make
from kilowatch.sim.plugs.shelly2 import Shelly2Plug
from links.plugs.contract import PASSWORD, SHORT, PlugContract
from sim.plugs.hosted import host_of, plug_of


class TestShelly2(PlugContract):
    make = Make.SHELLY2

    def test_a_channel_that_is_not_there_is_an_error(self) -> None:
        sim = plug_of(Make.SHELLY2)
        with host_of(sim):
            plug = open_plug(sim.address.replace("/0", "/3"), SHORT)
            with pytest.raises(PlugFailedError) as caught:
                plug.switch_off()
            plug.close()
        assert caught.value.trouble is PlugTrouble.STATUS
        assert sim.outlet.is_on

    @pytest.mark.parametrize(("reuse", "requests"), [(False, 10), (True, 6)])
    def test_a_nonce_is_used_again_where_the_plug_allows_it(self, reuse: bool, requests: int) -> None:
        sim = plug_of(Make.SHELLY2, password=PASSWORD)
        assert isinstance(sim, Shelly2Plug)
        sim.login.reusable = reuse
        with host_of(sim):
            plug = open_plug(sim.address, SHORT, Login(Secret(PASSWORD)))
            for _ in range(5):
                plug.read()
            plug.close()
        # Without reuse each request is refused once: with its old nonce, or at first without any.
        assert len(sim.seen) == requests


class TestShelly1(PlugContract):
    make = Make.SHELLY1


class TestTasmota(PlugContract):
    make = Make.TASMOTA


def test_plain_http_trusts_nobody_and_certificates_are_read_once() -> None:
    plain, tls = HttpSettings(), "https://127.0.0.1:1"
    contexts = [_context(base, plain) for base in ("http://127.0.0.1:1", "http://127.0.0.1:2", tls, tls)]
    assert contexts[0] is contexts[1]
    assert contexts[0].get_ca_certs() == []
    assert contexts[0].verify_mode is ssl.CERT_REQUIRED
    assert contexts[2] is contexts[3]
    assert contexts[2].get_ca_certs()
    assert contexts[2].check_hostname
    assert _context(tls, HttpSettings(verify_tls=False)).verify_mode is ssl.CERT_NONE
    with pytest.raises(ConfigError, match="holds no certificates"):
        _context(tls, HttpSettings(ca_file=__file__))


def test_httpx_comes_without_its_command_line() -> None:
    code = "import sys, kilowatch.links.plugs; print('httpx' in sys.modules, *{'rich', 'pygments'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"
