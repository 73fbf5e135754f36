from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from artalike import config
from artalike.config import Settings
from artalike.errors import SettingError

CONFIG = Path(__file__).parent.parent / "config.toml"


def test_the_file_holds_every_setting_with_its_default_and_nothing_else() -> None:
    documented = tomllib.loads(CONFIG.read_text())
    defaults = Settings().model_dump(mode="json")
    assert documented == defaults
    assert config.load(CONFIG, {}) == Settings()


def test_flag_goes_before_environment_before_file_before_default(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[server]\nport = 1\nhost = 'file'\n[gallery]\ntitle = 'File'\n")
    environment = {"ARTALIKE_SERVER__PORT": "2", "ARTALIKE_SERVER__HOST": "environment"}
    settings = config.load(file, environment, {"server": {"port": "3"}})
    assert (settings.server.port, settings.server.host, settings.gallery.title) == (3, "environment", "File")
    assert settings.gallery.page_size == Settings().gallery.page_size


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("[server]\nport = '80'", r"server.port = '80': .*valid integer"),
        ("[server]\nport = true", r"server.port = True: .*valid integer"),
        ("[server]\nport = 70000", r"server.port = 70000: .*less than or equal to 65535"),
        ("[server]\nprot = 80", r"server.prot: unknown setting; expected one of .*port"),
        ("[sever]\nport = 80", r"sever: unknown setting; expected one of .*server"),
        ("port = 80", r"port: unknown setting"),
        ("[crawl]\nuser_agent = 'Mozilla/5.0'", r"crawl.user_agent = 'Mozilla/5.0': .*artalike/"),
        ("[imaging]\nthumbnail_widths = []", r"imaging.thumbnail_widths = \[\]: .*at least 1"),
        ("[imaging]\nthumbnail_widths = [0]", r"imaging.thumbnail_widths.0 = 0: .*greater"),
        ("[server]\ntrusted_proxies = ['nginx']", r"server.trusted_proxies.0 = 'nginx': .*IPv4 or IPv6 network"),
        ("[server", r"not TOML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_key_and_value(tmp_path: Path, file: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(file)
    with pytest.raises(SettingError, match=message) as caught:
        config.load(path, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ARTALIKE_SERVER__PORT", "many", r"ARTALIKE_SERVER__PORT = 'many'"),
        ("ARTALIKE_SERVER__PROT", "80", r"ARTALIKE_SERVER__PROT: unknown setting"),
        ("ARTALIKE_SEVER__PORT", "80", r"ARTALIKE_SEVER: unknown setting"),
        ("ARTALIKE_IMAGING__THUMBNAIL_WIDTHS", "1,x", r"ARTALIKE_IMAGING__THUMBNAIL_WIDTHS = 'x'"),
        ("ARTALIKE_SERVER__TRUSTED_PROXIES", "10.0.0.1/8", r"ARTALIKE_SERVER__TRUSTED_PROXIES = '10.0.0.1/8'"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        config.load(None, {name: value})


def test_variables_carry_numbers_switches_and_lists() -> None:
    environment = {
        "ARTALIKE_CRAWL__HOST_RATE": "0.5",
        "ARTALIKE_CRAWL__ALLOW_PRIVATE": "true",
        "ARTALIKE_IMAGING__THUMBNAIL_WIDTHS": "100, 200",
        "ARTALIKE_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8, 192.0.2.1",
        "HOME": "/",
    }
    settings = config.load(None, environment)
    assert (settings.crawl.host_rate, settings.crawl.allow_private) == (0.5, True)
    assert settings.imaging.thumbnail_widths == (100, 200)
    assert [str(net) for net in settings.server.trusted_proxies] == ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]


def test_a_missing_file_is_an_error_only_when_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.load(None, {}) == Settings()
    with pytest.raises(SettingError, match=r"no\.toml: No such file"):
        config.load(Path("no.toml"), {})


def test_the_token_is_not_shown() -> None:
    assert "hush" not in repr(config.load(None, {"ARTALIKE_ADMIN__TOKEN": "hush"}))
