"""`evalkit study run | check | new`: regenerate a study, compare it with what is expected, start one.

Not the study itself: see `evalkit.study`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from evalkit import wording
from evalkit.cli.common import common, progress, short, tell, tell_json
from evalkit.cli.framing import Argument, Group, Option, Whole, say


@click.group(cls=Group, help="study")
def study() -> None:
    pass


def _of_a_study(function):  # type: ignore[no-untyped-def]
    for decorator in (
        click.option("--data", cls=Option, metavar="folder", help="opt_data"),
        click.option("--jobs", type=Whole(1), default=1, cls=Option, metavar="number", help="opt_jobs"),
        click.argument("path", cls=Argument, metavar="study", default=".", required=False),
    ):
        function = decorator(function)
    return function


@study.command("run", help="study_run")
@_of_a_study
@click.option("--out", cls=Option, metavar="folder", help="opt_out_study")
@click.option("--accept", is_flag=True, cls=Option, help="opt_accept")
@common
def run(
    path: str, jobs: int, data: str | None, out: str | None, accept: bool, quiet: bool, as_json: bool
) -> None:
    from evalkit.study import Study

    chosen = Study.load(path, data=data)
    lang = wording.language()
    with progress(quiet or as_json) as step:
        done = chosen.run(out, lang=lang, jobs=jobs, progress=step)
    accepted = chosen.accept(done) if accept else []
    if as_json:
        tell_json(
            {
                "study": chosen.name,
                "answer": done.answer.text(lang).split("\n") if done.answer else [],
                "folder": str(done.folder),
                "tables": {name: str(done.folder / f"{name}.csv") for name in done.tables},
                "accepted": [str(p) for p in accepted],
                "report": str(done.reports[lang]),
            }
        )
        return
    tell(chosen.declaration.title.model_dump()[lang])
    tell()
    if done.answer:
        tell(done.answer.text(lang))
        tell()
    if accept:
        tell(say("accepted", n=len(accepted), folder=short(chosen.path("expected"))))
    tell(say("tables_in", n=len(done.tables), folder=short(done.folder)))
    click.echo(say("report_in", path=short(done.reports[lang])))


@study.command("check", help="study_check")
@_of_a_study
@common
def check(path: str, jobs: int, data: str | None, quiet: bool, as_json: bool) -> int:
    from evalkit.study import Study

    with progress(quiet or as_json) as step:
        found = Study.load(path, data=data).check(jobs=jobs, progress=step)
    if as_json:
        tell_json(
            {"ok": found.ok, "n_cells": found.n_cells, "differences": [asdict(d) for d in found.differences]}
        )
    else:
        tell(found.summary())
    return 0 if found.ok else 1


@study.command("new", help="study_new")
@click.argument("path", cls=Argument, metavar="folder")
@common
def new(path: str, quiet: bool, as_json: bool) -> None:
    from evalkit.study import new as start

    with progress(quiet or as_json):
        made = start(Path(path))
    if as_json:
        tell_json({"study": str(made)})
    else:
        tell(say("study_started", folder=short(made)))
