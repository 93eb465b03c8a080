"""The sandbox on the command line: ``python -m airflow_provider_pictory.sandbox``."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from airflow_provider_pictory.sandbox.server import Sandbox
from airflow_provider_pictory.sandbox.settings import Settings

BANNER = """\
Sandbox of Pictory and PostEverywhere, on this machine only. Stop it with Ctrl+C.

  Feed      {url}/
  Controls  {url}/sandbox/ledger, {url}/sandbox/settings, {url}/sandbox/faults

Connections for Airflow:
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted or terminated."""
    parser = make_parser()
    options = vars(parser.parse_args(arguments))
    ready_file: Path | None = options.pop("ready_file")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Sandbox(**options) as sandbox:
            print(BANNER.format(url=sandbox.url))
            print(*(f"export {name}='{value}'" for name, value in sandbox.connections.items()), sep="\n", flush=True)
            if ready_file:
                ready_file.write_text(sandbox.url)
            stop.wait()
    except (OSError, ValueError) as error:
        parser.error(str(error))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_pictory.sandbox",
        usage="%(prog)s [options]",
        description="Serve fakes of Pictory's and PostEverywhere's APIs on one local port.",
        epilog="Durations are SECONDS, LOW-HIGH (uniform) or MEDIAN~SIGMA (lognormal). Rates are off by default.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="file to write the base URL to when ready")
    defaults = Settings().plain()
    for field in fields(Settings):
        default = defaults[field.name]
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            default="off" if default is None else default,
            metavar="VALUE",
            help=f"{field.metadata['help']} (%(default)s)",
        )
    return parser


if __name__ == "__main__":
    main()
