"""`evalkit scenario check | diff | run | compare | reference | stress`: read, compare, play and document scenario files.

Not the simulation itself: see `evalkit.simulation`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.common import common, encodable, progress, records, short, show, show_frame, tell, tell_json
from evalkit.cli.framing import Argument, Group, Option, Whole, say
from evalkit.errors import Fault, InputError
from evalkit.wording import catalogue, fault, language, typeset

if TYPE_CHECKING:
    from evalkit.result import Result
    from evalkit.simulation import Scenario

#: What a run prints, over everybody; all outputs, by site and channel too, are in the files of --out.
_MAIN = (
    "spotted", "eliminated", "pending", "mobilised", "situation", "in_solution", "spotted_to_interview",
    "spotted_to_interview_restricted", "wait_days", "gave_up", "waiting", "sooner_paired", "sooner_restricted",
)  # fmt: skip


@click.group(cls=Group, help="scenario")
def scenario() -> None:
    pass


def _played(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorator in (
        click.option("--out", cls=Option, metavar="folder", help="opt_out_scenario"),
        click.option("--jobs", type=Whole(1), default=1, cls=Option, metavar="number", help="opt_jobs"),
        click.option(
            "--replications", type=Whole(1), default=20, cls=Option, metavar="number", help="opt_replications"
        ),
        click.option(
            "--seed", type=Whole(0, 2**64 - 1), default=1, cls=Option, metavar="number", help="opt_seed"
        ),
    ):
        function = decorator(function)
    return function


@scenario.command("check", help="scenario_check")
@click.argument("files", cls=Argument, metavar="scenario", nargs=-1, required=True)
@common
def check(files: Sequence[str], quiet: bool, as_json: bool) -> None:
    loaded = _load(files, quiet or as_json)
    if as_json:
        tell_json([
            {"file": name, "digest": s.digest, "assumptions": records(s.assumptions()), "caveats": _caveats(s.check())}
            for name, s in zip(files, loaded, strict=True)
        ])  # fmt: skip
        return
    for name, one in zip(files, loaded, strict=True):
        tell(say("scenario_good", file=name, n=len(one.assumptions())))
        show(one.check().publish())
        tell()


@scenario.command("diff", help="scenario_diff")
@click.argument("before", cls=Argument, metavar="scenario")
@click.argument("after", cls=Argument, metavar="scenario")
@common
def diff(before: str, after: str, quiet: bool, as_json: bool) -> None:
    one, other = _load([before, after], quiet or as_json)
    result = one.diff(other).publish()
    if as_json:
        tell_json(records(result.tidy()))
    else:
        show(_in_words(result))


def _in_words(result: Any) -> Any:
    """Write the values of a difference between scenarios in the language of the answers."""
    from evalkit.simulation.programme.reference import written

    lang, table = language(), result.table
    columns = {name: [written(v, lang) for v in table[name]] for name in ("before", "after")}
    return replace(result, table=table.assign(**columns))


@scenario.command("run", help="scenario_run")
@click.argument("file", cls=Argument, metavar="scenario")
@_played
@click.option("--vary", multiple=True, cls=Option, metavar="vary", help="opt_vary")
@click.option("--trace", cls=Option, metavar="person", help="opt_trace")
@common
def run(
    file: str, seed: int, replications: int, jobs: int, out: str | None, vary: Sequence[str], trace: str | None,
    quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    from evalkit import simulation as M

    if out is not None:  # before an hour of plays, not after
        _folder(out)
    (base,) = _load([file], quiet or as_json)
    if trace is not None:
        _trace(base, seed, trace, as_json)
        return
    scenarios = [base]
    for spec in vary:
        scenarios = [variant for s in scenarios for variant in M.vary(s, spec)]
    played, full = [], []
    for one in scenarios:
        full.append(M.play(one, seed).utilisation())
        played.append(M.replicate(one, replications, seed, jobs, progress=not (quiet or as_json)))
    if vary:
        names = [s.name.removeprefix(f"{base.name}, ") for s in scenarios]
        results = {"outputs": _stacked(played, names), "utilisation": _stacked(full, names)}
    else:
        results = {"outputs": played[0].publish(), "utilisation": full[0].publish()}
    saved = _save(results, out)
    unlikely = _beyond(base, scenarios)
    if as_json:
        tables = {k: records(r.tidy()) for k, r in results.items()}
        tell_json({"seed": seed, "tables": tables, "caveats": unlikely})
        return
    tell(base.title[language()])
    for caveat in unlikely:
        tell(f"- {caveat}")
    if vary:
        show(_side_by_side(_main(results["outputs"]), names))
    else:
        show(_main(results["outputs"]), columns=["outcome", "part", "estimate", "play_low", "play_high"])
    tell()
    # The caveats name the saturated pools.
    show(results["utilisation"], columns=[c for c in results["utilisation"].table if c != "saturated"])
    _said_where(saved, seed)


@scenario.command("compare", help="scenario_compare")
@click.argument("files", cls=Argument, metavar="scenario", nargs=-1, required=True)
@_played
@common
def compare(
    files: Sequence[str], seed: int, replications: int, jobs: int, out: str | None, quiet: bool, as_json: bool
) -> None:
    from evalkit import simulation as M

    if len(files) < 2:
        raise InputError(fault("cli.compare_two"))
    if out is not None:
        _folder(out)
    base, *others = _load(files, quiet or as_json)
    result = M.contrast(base, others, replications, seed, jobs, progress=not (quiet or as_json)).publish()
    saved = _save({"contrast": result}, out)
    if as_json:
        tell_json({"seed": seed, "base": base.name, "differences": records(result.tidy())})
        return
    columns = [
        "outcome",
        "part",
        "before",
        "after",
        "estimate",
        "conf_low",
        "conf_high",
        "play_low",
        "play_high",
    ]
    if len(others) > 1:
        columns.insert(0, "scenario")
    # In a contrast the estimate is a difference, and the table says so.
    shown = replace(_main(result), labels={**result.labels, "estimate": catalogue("cli")["word_difference"]})
    show(shown, columns=columns)
    _said_where(saved, seed)


@scenario.command("reference", help="scenario_reference")
@common
def reference(quiet: bool, as_json: bool) -> None:
    from evalkit.simulation.programme import reference as pages

    lang = language()
    if not as_json:
        _tell_page(pages.page(lang))
        return
    tell_json([
        {"table": k.table, "key": k.name, "unit": k.unit(lang), "bounds": k.bounds(lang), "per_site": k.per_site(lang),
         "meaning": k.meaning(lang), "optional": k.optional}
        for k in pages.every_key()
    ])  # fmt: skip


@scenario.command("stress", help="scenario_stress")
@click.argument("file", cls=Argument, metavar="scenario")
@common
def stress(file: str, quiet: bool, as_json: bool) -> None:
    from evalkit.simulation.programme import stress as pages

    (one,) = _load([file], quiet or as_json)
    written = pages.page(one, language())
    if as_json:
        tell_json({"file": file, "digest": one.digest, "page": written})
    else:
        _tell_page(written)


def _tell_page(written: str) -> None:
    """Print a page as it is: folded lines would break its tables."""
    click.echo(encodable(typeset(written), sys.stdout), nl=False)


def _load(files: Sequence[str], quiet: bool) -> list[Scenario]:
    """Read every file, and refuse them with the faults of all."""
    with progress(quiet) as step:
        from evalkit.simulation import Scenario

        loaded, faults = [], list[Fault]()
        for name in files:
            step(name)
            try:
                loaded.append(Scenario.load(name))
            except InputError as error:
                faults += error.faults
    if faults:
        # Two scenarios may be based on the same faulty one: each fault is said once.
        raise InputError(list({f.render("en"): f for f in faults}.values()))
    return loaded


def _trace(base: Scenario, seed: int, person: str, as_json: bool) -> None:
    from evalkit.simulation import play

    tape = play(base, seed)
    known = tape.roster["person"]
    if not (known == person).any():
        raise InputError(
            fault(
                "cli.trace_nobody",
                person=person,
                n=len(known),
                known=known.iloc[:: max(1, len(known) // 4)].tolist(),
            )
        )
    frame = tape.trace(person)
    if as_json:
        tell_json(records(frame))
        return
    tell(say("trace_of", person=person, seed=seed))
    frame["record"] = [say(f"record_{r}") for r in frame["record"]]
    frame["ended"] = [say(f"ended_{e}") for e in frame["ended"]]
    show_frame(frame.drop(columns="visit"), {name: say(f"trace_{name}") for name in frame})


def _main(result: Result) -> Result:
    """Return the rows over everybody of the main outputs."""
    table = result.table
    kept = (table["by"] == "") & table["outcome"].isin(_MAIN)
    return replace(result, table=table[kept].reset_index(drop=True))


def _stacked(results: Sequence[Result], names: Sequence[str]) -> Result:
    """Return the results of several scenarios as one, published, with a column that names the scenario."""
    import pandas as pd

    tables = [r.table.assign(scenario=name) for r, name in zip(results, names, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    table = table[["scenario", *(c for c in table if c != "scenario")]]
    said = {c.text("en"): c for r in results for c in r.caveats}
    return replace(_plain(results[0]), table=table, caveats=tuple(said.values())).publish()


def _plain(result: Result) -> Result:
    """Return the result without what its own class adds to it."""
    from evalkit.result import Result

    return Result(result.table, result.question, result.caveats, result.provenance, labels=result.labels)


def _side_by_side(result: Result, names: Sequence[str]) -> Result:
    """Return the means of several scenarios in a column each."""
    keys = ["outcome", "part"]
    shown = result.table[keys].drop_duplicates()
    for name in names:
        mine = result.table.loc[result.table["scenario"] == name, [*keys, "estimate"]]
        shown = shown.merge(mine.rename(columns={"estimate": name}), on=keys, how="left")
    return replace(result, table=shown)


def _beyond(base: Scenario, scenarios: Sequence[Scenario]) -> list[str]:
    """Return, once each, what lies outside the ranges that the base calls plausible."""
    from evalkit.simulation.programme.reading import beyond

    return list(dict.fromkeys(c.text() for one in scenarios for c in beyond(base, one)))


def _save(results: dict[str, Any], out: str | None) -> Path | None:
    if out is None:
        return None
    from evalkit.result import without_formulas

    folder = _folder(out)
    for name, result in results.items():
        result.save(folder, name)
        if hasattr(result, "plays"):  # play by play
            plays = without_formulas(result.plays)
            plays.to_csv(folder / f"{name}_plays.csv", index=False, lineterminator="\n")
    return folder


def _folder(out: str) -> Path:
    """Return a folder that can be written to, made if need be."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(fault("cli.no_folder", folder=out, reason=error.strerror or str(error))) from None
    return folder


def _said_where(saved: Path | None, seed: int) -> None:
    tell()
    tell(say("seed_was", seed=seed))
    tell(say("files_in", folder=short(saved)) if saved else say("all_outputs"))


def _caveats(result: Result) -> list[str]:
    return [c.text() for c in result.caveats]
