"""The examples of deploy/ and the guide: they can be read, and name only settings and flags that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from artalike import config, roles
from artalike.__main__ import RUNNERS, parse
from artalike.commands.ingest import check
from artalike.config import Settings

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "deploy/compose.yaml"
KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
GUIDE = ROOT / "docs/cluster.md"
VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}")
IMAGE = "artalike"


def read(path: Path) -> list[Any]:
    """The documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def compose() -> Any:
    """With a value for each variable that it asks the environment for."""
    return yaml.safe_load(VARIABLE.sub("abc123", COMPOSE.read_text()))


def settings_of(environment: dict[str, str]) -> Settings:
    """Raises SettingError for what is unknown or wrong. No file is read."""
    return config.load(ROOT / "config.toml", environment, flags={})


def with_role(arguments: list[str], settings: Settings) -> Settings:
    """What the program makes of them; it has these flags."""
    options = parse(arguments)
    role = getattr(options, "role", None) or "all"
    return settings.model_copy(update={"server": settings.server.model_copy(update={"role": role})})


def compose_processes() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    for name, service in compose()["services"].items():
        if service["image"] == IMAGE:
            command = [*service.get("entrypoint", [])[3:], *service["command"]]
            yield name, command, service["environment"]


def kubernetes_processes() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    documents = [document for path in KUBERNETES for document in read(path)]
    data = {(one["kind"], one["metadata"]["name"]): one.get("data") or one.get("stringData") for one in documents}
    for one in documents:
        for container in one.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if container["image"] == IMAGE and "command" not in container:
                environment = dict(data["ConfigMap", container["envFrom"][0]["configMapRef"]["name"]])
                for variable in container["env"]:
                    secret = variable.get("valueFrom", {}).get("secretKeyRef")
                    value = data["Secret", secret["name"]][secret["key"]] if secret else variable["value"]
                    environment[variable["name"]] = value
                yield one["metadata"]["name"], container["args"], environment


PROCESSES = [*compose_processes(), *kubernetes_processes()]


@pytest.mark.parametrize(
    ("arguments", "environment"), [one[1:] for one in PROCESSES], ids=[one[0] for one in PROCESSES]
)
def test_each_process_knows_its_flags_and_settings(arguments: list[str], environment: dict[str, str]) -> None:
    assert all(re.fullmatch(r"ARTALIKE_[A-Z]+__[A-Z_]+|RAY_AUTH_[A-Z]+", name) for name in environment)
    settings = settings_of(environment)
    if "--help" in arguments:
        arguments = [*arguments[:-1], "https://museum.example/list.txt"]
    roles.check(with_role(arguments, settings))
    if arguments[0] == "ingest":
        check(settings, parse(arguments).on)


def test_two_answer_and_two_bring_in() -> None:
    services = compose()["services"]
    assert {name: services[name]["deploy"]["replicas"] for name in ("web", "crawl")} == {"web": 2, "crawl": 2}
    deployed = {
        one["metadata"]["name"]: one for path in KUBERNETES for one in read(path) if one["kind"] == "Deployment"
    }
    for role in ("web", "crawl"):
        assert services[role]["command"] == ["serve", "--role", role]
        spec = deployed[f"artalike-{role}"]["spec"]
        [container] = spec["template"]["spec"]["containers"]
        assert (spec["replicas"], container["args"]) == (2, ["serve", "--role", role])


def test_all_parts_that_are_named_are_there() -> None:
    found = compose()
    for name, service in found["services"].items():
        assert set(service.get("depends_on", {})) <= set(found["services"]), name
        assert {mounted["source"] for mounted in service.get("configs", [])} <= set(found["configs"]), name
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", []) if ":" in volume}
        assert volumes <= set(found["volumes"]), name


def test_a_process_has_time_to_drain() -> None:
    drain = Settings().server.drain_seconds
    assert int(compose()["services"]["web"]["stop_grace_period"].removesuffix("s")) > drain
    for path in (ROOT / "deploy/kubernetes" / name for name in ("web.yaml", "crawl.yaml")):
        [deployment] = [one for one in read(path) if one["kind"] == "Deployment"]
        assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > drain


def test_the_examples_ask_for_what_the_file_of_variables_lists() -> None:
    asked = set(VARIABLE.findall(COMPOSE.read_text()))
    listed = re.findall(r"^(\w+)=", (ROOT / "deploy/example.env").read_text(), re.MULTILINE)
    assert asked == set(listed)


def test_the_guide_names_what_there_is() -> None:
    text = GUIDE.read_text()
    for section, key in re.findall(r"`(?:\[)?([a-z]+)[.\]] ?([a-z_]+)`", text):
        if section in Settings.model_fields:
            assert key in getattr(Settings(), section).__class__.model_fields, f"{section}.{key}"
    for name in set(re.findall(r"ARTALIKE_[A-Z]+__[A-Z_]+", text)):
        section, _, key = name.removeprefix("ARTALIKE_").lower().partition("__")
        assert key in getattr(Settings(), section).__class__.model_fields, name
    assert set(re.findall(r"artalike ([a-z]+)\b", text)) <= set(RUNNERS)
    for path in re.findall(r"`(deploy/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
