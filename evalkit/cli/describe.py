"""`evalkit describe FOLDER`: one page from a dashboard export, and a template for who has none.

Not the estimators: see `evalkit.describe` and `evalkit.survival`; this reads, chains and writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit import wording
from evalkit.cli.common import common, progress, records, short, tell, tell_json
from evalkit.cli.framing import Argument, Command, Day, Option, Whole, say
from evalkit.errors import InputError
from evalkit.wording import Message, fault, message

if TYPE_CHECKING:
    from evalkit.disclosure import Policy
    from evalkit.followup import FollowUp
    from evalkit.report import Answer
    from evalkit.result import Result

#: Days of follow-up at which the page tells how many have disengaged.
_MILESTONES = (30, 90, 180, 365)


@click.command(cls=Command, help="describe")
@click.argument("folder", cls=Argument, metavar="dashboard", required=False)
@click.option("--as-of", type=Day(), cls=Option, metavar="date", help="opt_as_of")
@click.option("--previous", cls=Option, metavar="dashboard", help="opt_previous")
@click.option("--previous-as-of", type=Day(), cls=Option, metavar="date", help="opt_previous_as_of")
@click.option("--mapping", cls=Option, metavar="file", help="opt_mapping")
@click.option("--threshold", type=Whole(1), default=11, cls=Option, metavar="number", help="opt_threshold")
@click.option("--reason", cls=Option, metavar="text", help="opt_reason")
@click.option("--template", cls=Option, metavar="file", help="opt_template")
@click.option("--out", cls=Option, metavar="folder", help="opt_out_describe")
@common
def describe(
    folder: str | None, as_of: dt.date | None, previous: str | None, previous_as_of: dt.date | None, mapping: str | None,
    threshold: int, reason: str | None, template: str | None, out: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    if template is not None:
        _write_template(template, as_json)
        return
    if folder is None:
        raise InputError(fault("cli.describe_what"))
    policy = _policy(threshold, reason)
    target = Path(out) if out else Path("out", Path(folder).resolve().stem)
    with progress(quiet or as_json) as step:
        from evalkit.followup import FollowUp

        step(folder)
        now = FollowUp.read(folder, as_of=as_of, mapping=mapping)
        before = FollowUp.read(previous, as_of=previous_as_of, mapping=mapping) if previous else None
    read = {folder: now} if before is None or previous is None else {folder: now, previous: before}
    for fu in read.values() if not quiet else ():
        tell(fu.summary(wording.language()), err=True)
    _refuse_without_acts(read)
    with progress(quiet or as_json) as step:
        page = _Page(now, before, policy)
        step(short(target))
        report = page.write(target)
    if as_json:
        tables = {name: records(result.tidy()) for name, result in page.results.items()}
        tell_json({"answer": page.answer.text().split("\n"), "tables": tables, "report": str(report)})
        return
    tell(page.answer.text())
    tell()
    tell(say("tables_in", n=len(page.results), folder=short(target)))
    click.echo(say("report_in", path=short(report)))


def _write_template(template: str, as_json: bool) -> None:
    from evalkit.followup import template as write

    if Path(template).exists():
        raise InputError(fault("cli.template_exists", file=template))
    if Path(template).suffix != ".xlsx":
        raise InputError(fault("cli.template_name", file=template))
    path = write(template, wording.language())
    if as_json:
        tell_json({"template": str(path)})
    else:
        tell(say("template_written", path=short(path)))


def _refuse_without_acts(read: Mapping[str, FollowUp]) -> None:
    """Refuse dashboards that hold people who entered and no act: everybody would seem to have fallen silent."""
    faults = []
    for folder, fu in read.items():
        if not fu.events.empty or "entered_on" not in fu.people or fu.people["entered_on"].isna().all():
            continue
        found = [n.values["file"] for n in fu.notes if n.key == "records.read"]
        found += [name for n in fu.notes if n.key == "records.unread" for name in n.values["files"]]
        faults.append(fault("cli.no_acts", file=folder, found=found))
    if faults:
        raise InputError(faults)


def _policy(threshold: int, reason: str | None) -> Policy:
    from evalkit.disclosure import Policy

    if threshold < 11 and not (reason or "").strip():
        raise InputError(fault("cli.reason_needed", threshold=threshold))
    return Policy(threshold, reason)


class _Page:
    """The blocks of the describe room and the curves of the survival room, through the gate, on one page."""

    def __init__(self, now: FollowUp, before: FollowUp | None, policy: Policy):
        from evalkit import describe as room

        self.now, self.policy, self.caveats = now, policy, []
        curves = self._curves()
        blocks = room.page(now, before, curves=curves)
        # Published once each: a block drawn and a block set may share their result.
        published: dict[int, Result] = {}
        for block in blocks:
            published.setdefault(id(block.result), block.result.publish(policy))
        self.blocks = [(block, published[id(block.result)]) for block in blocks]
        self.milestones = {name: self._at_milestones(curve) for name, curve in curves.items()}
        self.results = {
            block.name: result for block, result in self.blocks if not block.picture or block.name in curves
        }
        self.results |= {f"{name}_days": result for name, result in self.milestones.items()}
        self.answer = self._answer()

    def _curves(self) -> dict[str, Any]:
        """Return the share disengaged by time since entry; both bounds when some situations are unknown."""
        from evalkit import survival
        from evalkit.endpoint import Endpoint
        from evalkit.silence import Silence

        entered = self.now.people["entered_on"].notna().any() if "entered_on" in self.now.people else False
        if not entered:
            self.caveats.append(message("cli.no_entry"))
            return {}
        spells = self.now.spells(Silence())
        spells = spells.without(*[c for c in spells.acquired if c in spells.covariates])
        endpoint = Endpoint("disengaged", competing=["solution", "exit"], paused=["interruption"])
        if not spells.frame["exit"].isin(self.now.vocabulary.codes("status", "unknown")).any():
            return {"disengagement": survival.aalen_johansen(endpoint.of(spells))}
        self.caveats.append(message("cli.bounds"))
        low, high = endpoint.bounds(spells)
        return {
            "disengagement_low": survival.aalen_johansen(low),
            "disengagement_high": survival.aalen_johansen(high),
        }

    def _at_milestones(self, curve: Any) -> Result:
        last = float(curve.table["time"].max())
        return curve.at([day for day in _MILESTONES if day <= last] or [last]).publish(self.policy)

    def write(self, folder: Path) -> Path:
        """Write the tables and the page, and return the page's path."""
        from evalkit.report import Document, Figure, Section, Table
        from evalkit.report.html import write

        parts: list[Any] = [self.answer]
        for block, result in self.blocks:
            if block.name in self.milestones:
                parts += self._curve_parts(block, result)
            elif block.picture:
                parts += [Section(block.title), Figure(block.name, result, alt=block.alt or block.title)]
            else:
                parts += [Section(block.title), Table(block.name, result)]
        document = Document(
            message("cli.page_title", date=self.now.as_of), message("cli.page_question", date=self.now.as_of), parts,
            self.caveats, self.now.provenance,
        )  # fmt: skip
        for name, result in self.results.items():
            result.save(folder, name)
        lang = wording.language()
        return write(document, folder / f"report-{lang}.html", lang)

    def _curve_parts(self, block: Any, result: Result) -> list[Any]:
        from evalkit.report import Figure, Section, Table

        title = message(f"cli.title_curve_{_which(block.name)}")
        columns = ["cause", "time", "estimate", "conf_low", "conf_high", "n_risk"]
        days = self.milestones[block.name]
        return [
            Section(title),
            Figure(block.name, result, alt=block.alt or block.title),
            Table(
                f"{block.name}_days", days, message("cli.title_days"), [c for c in columns if c in days.table]
            ),
        ]

    def _answer(self) -> Answer:
        """Return the page in a few sentences, from published figures only."""
        from evalkit.report import Answer

        flow, alert = (self._counts(name) for name in ("flow_table", "alert"))
        lines = [
            message("cli.answer_flow", date=self.now.as_of, spotted=flow("spotted"), eliminated=flow("eliminated"),
                    mobilised=flow("mobilised"), open=flow("open")),
            message("cli.answer_now", parts=list(self._parts_of_the_mobilised(flow))),
            message("cli.answer_alert", silent=alert("silent"), booked=alert("booked")),
        ]  # fmt: skip
        for name, result in self.milestones.items():
            lines += self._said_of_curve(name, result)
        if any(_hides(line) for line in lines):
            lines.append(message("cli.hidden_rule", threshold=self.policy.threshold))
        return Answer(lines)

    @staticmethod
    def _parts_of_the_mobilised(flow: Callable[[str], Any]) -> Iterator[Message]:
        """Yield every part of those mobilised, so that they add up; of the smaller ones those with anybody in them."""
        always = ("in_solution", "engaged", "disengaged")
        for term in (*always, "abandoned", "interrupted", "left", "unknown", "not_observed"):
            count = flow(term)
            if term in always or count != 0:
                yield message(f"cli.now_{term}", n=count)

    def _said_of_curve(self, name: str, result: Result) -> list[Any]:
        rows = result.table[result.table["cause"] == "disengaged"]
        which = name.removeprefix("disengagement").lstrip("_") or "only"
        return [
            message(
                f"cli.answer_curve_{which}",
                days=int(row.time),
                share=row.estimate,
                low=row.conf_low,
                high=row.conf_high,
            )
            for row in rows.itertuples()
            if row.time == 90 and row.estimate == row.estimate
        ]

    def _counts(self, name: str) -> Any:
        """Return a function from a term to its published count over everybody, or to the words for a hidden one."""
        table = self.results[name].table
        everybody = table[[c for c in ("site", "channel") if c in table]].eq("all").all(axis=1)
        counts = table[everybody].drop_duplicates("term").set_index("term")["count"]

        def count(term: str) -> Any:
            value = counts.get(term, 0)
            return message("cli.hidden") if value != value else int(value)

        return count


def _which(name: str) -> str:
    """Return whether a curve is the only one, or the low or the high one of two."""
    return name.removeprefix("disengagement").lstrip("_") or "only"


def _hides(value: Any) -> bool:
    """Return whether a sentence, or one inside it, says that a number is hidden."""
    if isinstance(value, list):
        return any(map(_hides, value))
    return isinstance(value, Message) and (
        value.key == "cli.hidden" or any(map(_hides, value.values.values()))
    )
