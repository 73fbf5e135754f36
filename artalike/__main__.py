"""The command line: arguments in, exit status out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from artalike import __version__, config, logs
from artalike.config import Settings
from artalike.errors import ArtalikeError, UsageError
from artalike.priority import ANSWERING, ask_for_slices, one_core_for_products
from artalike.storage.memory import share_one_heap

MUSEUM_PORT: Final = 8090
"""The same each time, so that the demo's addresses stay the same over a restart."""

FLAGS: Final = {
    "storage.data": "--data",
    "server.role": "--role",
    "server.host": "--host",
    "server.port": "--port",
    "embedding.model": "--model",
}
"""Settings that have a flag, and how it is spelled."""


class Parser(argparse.ArgumentParser):
    """argparse, with one line instead of a page for a mistake."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. 0 done, 1 failed, 2 wrong usage or setting, with one line on stderr."""
    try:
        options = parse(list(sys.argv[1:] if arguments is None else arguments))
        settings = _settings(options)
        logs.configure(settings.server.log, settings.server.log_level, verbose=options.verbose)
        share_one_heap()
        one_core_for_products()
        ask_for_slices(ANSWERING)  # of this thread, in which the event loop runs
        return RUNNERS[options.command](options, settings)
    except ArtalikeError as error:
        print(f"artalike: {error}", file=sys.stderr)  # noqa: T201  # a person's mistake is answered on stderr
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130


def parse(arguments: list[str]) -> argparse.Namespace:
    """The arguments as a namespace with ``command``; without a command it is ``serve``. Raises UsageError."""
    shared = _shared()
    _, rest = shared.parse_known_args(arguments)
    if not rest or (rest[0].startswith("-") and rest[0] not in {"-h", "--help", "--version"}):
        arguments = ["serve", *arguments]
    return _parser(shared).parse_args(arguments)


def _shared() -> Parser:
    shared = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--config", type=Path, metavar="FILE", help="settings (default: config.toml, if it is there)")
    shared.add_argument("--data", metavar="DIR", help="the data folder (default: data)")
    shared.add_argument("-v", "--verbose", action="store_true", help="show debug messages")
    return shared


def _parser(shared: Parser) -> Parser:
    parser = Parser(prog="artalike", description="Finds pictures that look alike.", parents=[shared])
    parser.add_argument("--version", action="version", version=f"artalike {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text, parents=[shared])
        return made

    serve = command("serve", "the server: gallery, API, admin and ingest (the default)")
    serve.add_argument(
        "--role", metavar="ROLE", help="all (default), web or crawl: one of several that share a collection"
    )
    serve.add_argument("--seed", action="append", default=[], metavar="SOURCE", help="hand in a source at start")
    demo = command("demo", "the server with a small museum of its own to crawl")
    demo.add_argument("--pieces", type=_whole(1, 100_000), default=600, metavar="N", help="artworks (default: 600)")
    demo.add_argument(
        "--museum-port", type=_whole(0, 65535), default=MUSEUM_PORT, metavar="PORT", help="(default: 8090)"
    )
    for server in (serve, demo):
        server.add_argument("--host", help="address to listen on")
        server.add_argument("--port", help="port to listen on; 0 takes any")
        server.add_argument("--model", metavar="NAME", help="embedding model")
        server.add_argument("--open", action="store_true", help="open the gallery in a browser")

    seed = command("seed", "hand sources to the server, and follow them")
    ingest = command("ingest", "bring sources in by many processes at once")
    for taker in (seed, ingest):
        taker.add_argument("source", nargs="+", metavar="SOURCE", help="an address, file or folder")
        taker.add_argument("--kind", help="instead of detecting it")
        taker.add_argument(
            "--option", action="append", default=[], metavar="KEY=VALUE", help="of the source, such as url_col=link"
        )
        taker.add_argument("--recrawl", metavar="SPAN", help="read again after 90m, 6h, 7d …, or never")
        taker.add_argument("--rate", metavar="N", help="ask for so many of its addresses a second")
    seed.add_argument("--watch", action="store_true", help="keep in step with a folder")
    seed.add_argument("--detach", action="store_true", help="return at once")
    ingest.add_argument(
        "--on", required=True, metavar="PLACE", help="ray: this machine; ray://HOST:PORT: the machines of a cluster"
    )

    for name, text in (("status", "what is in the collection"), ("doctor", "check every promise about the data")):
        command(name, text).add_argument("--json", action="store_true", help="as one JSON object")

    reembed = command("reembed", "move the collection to another model while the old one keeps answering")
    # Not the server's flag: that is the model by which a new collection begins.
    reembed.add_argument("--model", dest="target", metavar="NAME", help="as embedding.model names it")
    reembed.add_argument("--forget", metavar="NAME", help="delete the vectors of a model that was left, or not reached")
    reembed.add_argument("--detach", action="store_true", help="return at once")

    listed = command("models", "models that are here: how fast they are, what they take, and which to use")
    listed.add_argument("--quick", action="store_true", help="measure nothing")
    listed.add_argument("--json", action="store_true", help="as one JSON object")

    remove = command("remove", "take pictures out, and keep them out")
    remove.add_argument("target", nargs="*", metavar="ID|URL", help="an image")
    remove.add_argument("--host", action="append", default=[], dest="hosts", metavar="HOST", help="and all below it")
    remove.add_argument(
        "--url", action="append", default=[], dest="patterns", metavar="PATTERN", help="addresses; * is anything"
    )
    remove.add_argument(
        "--hash", action="append", default=[], dest="hashes", metavar="HEX", help="sha256, or perceptual hash"
    )
    remove.add_argument("--reason", metavar="TEXT", help="for the record")
    remove.add_argument("--list", action="store_true", help="show what is blocked")
    remove.add_argument(
        "--unblock", action="append", default=[], type=_whole(1, 2**62), metavar="ID", help="lift a block"
    )
    remove.add_argument("--yes", action="store_true", help="do not ask when more than one picture goes")
    remove.add_argument("--json", action="store_true", help="as one JSON object")

    export = command("export", "write the collection as shards that other programs read too")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="a new one, or one with an interrupted export")
    export.add_argument(
        "--shard-size", type=_whole(1, 100_000), default=1000, metavar="N", help="pictures in one (default: 1000)"
    )
    import_ = command("import", "take an exported collection in")
    import_.add_argument("folder", type=Path, metavar="FOLDER", help="that `export` has written")
    for carrier in (export, import_):
        carrier.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    flags: dict[str, dict[str, Any]] = {}
    for setting in FLAGS:
        section, _, key = setting.partition(".")
        value = getattr(options, key, None)
        if value is not None:
            flags.setdefault(section, {})[key] = value
    options.verbose = getattr(options, "verbose", False)
    return config.load(getattr(options, "config", None), flags=flags, flag_names=FLAGS)


# Each command imports what it needs: `seed --help` need not wait for the neural network's libraries.


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.serve import run_server

    return run_server(settings, seeds=options.seed, open_browser=options.open)


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.serve import run_demo

    return run_demo(settings, pieces=options.pieces, museum_port=options.museum_port, open_browser=options.open)


def _seed(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.seed import run_seed

    wanted = _source_options(options) | ({"watch": True} if options.watch else {})
    return run_seed(settings, options.source, kind=options.kind, options=wanted, detach=options.detach)


def _ingest(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.ingest import run_ingest

    return run_ingest(settings, options.source, on=options.on, kind=options.kind, options=_source_options(options))


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.status import run_status

    return run_status(settings, as_json=options.json)


def _doctor(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.doctor import run_doctor

    return run_doctor(settings, as_json=options.json)


def _reembed(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.reembed import run_reembed

    return run_reembed(settings, model=options.target, forget=options.forget, detach=options.detach)


def _models(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.models import run_models

    return run_models(settings, quick=options.quick, as_json=options.json)


def _remove(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.remove import Wishes, run_remove

    wishes = Wishes(
        targets=options.target,
        hosts=options.hosts,
        patterns=options.patterns,
        hashes=options.hashes,
        reason=options.reason,
        list_blocks=options.list,
        unblock=options.unblock,
        yes=options.yes,
    )
    return run_remove(settings, wishes, as_json=options.json)


def _export(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.archive import run_export

    return run_export(settings, options.folder, shard_size=options.shard_size, as_json=options.json)


def _import(options: argparse.Namespace, settings: Settings) -> int:
    from artalike.commands.archive import run_import

    return run_import(settings, options.folder, as_json=options.json)


RUNNERS: Final[Mapping[str, Callable[[argparse.Namespace, Settings], int]]] = {
    "serve": _serve,
    "demo": _demo,
    "seed": _seed,
    "ingest": _ingest,
    "status": _status,
    "doctor": _doctor,
    "reembed": _reembed,
    "models": _models,
    "remove": _remove,
    "export": _export,
    "import": _import,
}


def _whole(least: int, most: int) -> Any:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from {least} to {most}")
        return int(text)

    return number


def _source_options(options: argparse.Namespace) -> dict[str, Any]:
    given = [f"{name}={value}" for name in ("recrawl", "rate") if (value := getattr(options, name))]
    return _pairs(options.option) | _pairs(given)


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    pairs = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"--option {text!r}: expected KEY=VALUE")
        try:
            pairs[key] = json.loads(value)
        except ValueError:
            pairs[key] = value
    return pairs


if __name__ == "__main__":
    sys.exit(main())
