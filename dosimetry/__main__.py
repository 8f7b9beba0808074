"""The command line: ``reconstruct``, ``analyse``, ``population``, ``phantom``, ``compare`` and ``train``."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dosimetry.case import reconstruct_command
from dosimetry.case.population_file import fit_population_file
from dosimetry.case.results import analyse_case
from dosimetry.case.schema import TEMPLATE, read_case
from dosimetry.case.whole_output import whole_folder, write_whole
from dosimetry.errors import DosimetryError
from dosimetry.phantoms import command as phantom_command
from dosimetry.phantoms import training_command
from dosimetry.phantoms.comparison import compare_files

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""As shells report Ctrl+C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 2 or 130 with one line on standard error: unusable input, or an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m dosimetry", description="Dosimetry of one case, without a server.")
    commands = parser.add_subparsers(dest="command", required=True)
    analyse = commands.add_parser("analyse", help="from DICOM to absorbed dose")
    analyse.add_argument("case", nargs="?", type=Path, help="case file (JSON)")
    analyse.add_argument("--out", type=Path, help="folder for results.json, maps and log")
    analyse.add_argument("--template", action="store_true", help="print an example case file and stop")
    reconstruct_command.add_arguments(commands.add_parser("reconstruct", help="from SPECT projections to Bq/mL"))
    population = commands.add_parser("population", help="from accepted curves to a population prior")
    population.add_argument("curves", type=Path, help="file of curves (JSON)")
    population.add_argument("--out", type=Path, required=True, help="file for the prior (JSON)")
    phantom_command.add_arguments(commands.add_parser("phantom", help="a virtual patient as DICOM, with its truth"))
    training_command.add_arguments(commands.add_parser("train", help="weights of a network from virtual patients"))
    compare = commands.add_parser("compare", help="an analysis of a virtual patient against its truth")
    compare.add_argument("results", type=Path, help="results.json of analyse")
    compare.add_argument("truth", type=Path, help="truth.json of phantom")
    chosen = parser.parse_args(arguments)
    if chosen.command == "reconstruct":
        return _guarded(lambda: run_reconstruction(chosen))
    if chosen.command == "compare":
        return _guarded(lambda: sys.stdout.write(compare_files(chosen.results, chosen.truth)))
    if chosen.command == "train":
        return _guarded(lambda: training_command.run(chosen, log=_say))
    if chosen.command == "phantom":
        return _guarded(lambda: run_phantom(chosen))
    if chosen.command == "population":
        return _guarded(lambda: run_population(chosen.curves, chosen.out))
    if chosen.template:
        sys.stdout.write(json.dumps(TEMPLATE, indent=2) + "\n")
        return 0
    if chosen.case is None or chosen.out is None:
        parser.error("give a case file and --out DIR, or --template")
    return _guarded(lambda: run_analysis(chosen.case, chosen.out))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _show_progress(share: float, text: str) -> None:
    sys.stderr.write(f"{share:5.0%}  {text}\n")
    sys.stderr.flush()


def _guarded(command: Callable[[], object]) -> int:
    try:
        command()
    except DosimetryError as error:
        sys.stderr.write(f"{error} [{error.code}]\n")
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted before the end; no result was written.\n")
        return EXIT_INTERRUPTED
    return 0


def run_reconstruction(chosen: argparse.Namespace) -> None:
    """Reconstruct projections into a folder, as ``reconstruct_command.run``; nothing is left unless it ends."""
    with whole_folder(chosen.out) as folder:
        reconstruct_command.run(_with_out(chosen, folder), log=_say, progress=_show_progress)


def run_phantom(chosen: argparse.Namespace) -> None:
    """Write a virtual patient into a folder, as ``phantom_command.run``; nothing is left unless it ends."""
    with whole_folder(chosen.out) as folder:
        phantom_command.run(_with_out(chosen, folder), log=_say)


def _with_out(chosen: argparse.Namespace, folder: Path) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(chosen), "out": folder})


def run_population(curves_path: Path, out: Path) -> None:
    """Fit a population prior to a file of curves.

    Raises
    ------
    DosimetryError
        The curves cannot be used; nothing is written then.
    """
    write_whole(out, fit_population_file(curves_path, log=_say))


def run_analysis(case_path: Path, out: Path) -> None:
    """Analyse a case file into a folder.

    Raises
    ------
    DosimetryError
        The case or its images cannot be used; nothing but the log is written then, as after an interrupt.
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

        with whole_folder(out) as folder:
            results = analyse_case(case, folder, log=log)
            text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False)
            (folder / "results.json").write_text(text + "\n")
        log("done")


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main())
