"""The command line for physicists: ``python -m dosimetry analyse CASE.json --out DIR``."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dosimetry.case.results import analyse_case
from dosimetry.case.schema import TEMPLATE, read_case
from dosimetry.errors import DosimetryError

EXIT_BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 with one line on standard error for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m dosimetry", description="Dosimetry of one case, without a server.")
    commands = parser.add_subparsers(dest="command", required=True)
    analyse = commands.add_parser("analyse", help="from DICOM to absorbed dose")
    analyse.add_argument("case", nargs="?", type=Path, help="case file (JSON)")
    analyse.add_argument("--out", type=Path, help="folder for results.json, maps and log")
    analyse.add_argument("--template", action="store_true", help="print an example case file and stop")
    chosen = parser.parse_args(arguments)
    if chosen.template:
        sys.stdout.write(json.dumps(TEMPLATE, indent=2) + "\n")
        return 0
    if chosen.case is None or chosen.out is None:
        parser.error("give a case file and --out DIR, or --template")
    try:
        run_analysis(chosen.case, chosen.out)
    except DosimetryError as error:
        sys.stderr.write(f"{error} [{error.code}]\n")
        return EXIT_BAD_INPUT
    return 0


def run_analysis(case_path: Path, out: Path) -> None:
    """Analyse a case file into a folder.

    Raises
    ------
    DosimetryError
        The case or its images cannot be used; nothing but the log is written then.
    """
    case = read_case(case_path)
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (out / "analyse.log").open("w") as file:

        def log(text: str) -> None:
            line = f"{time.monotonic() - started:7.1f} s  {text}\n"
            file.write(line)
            file.flush()
            sys.stdout.write(line)

        results = analyse_case(case, out, log=log)
        log("done")
    text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
    (out / "results.json").write_text(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
