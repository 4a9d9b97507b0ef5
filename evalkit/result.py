"""The one shape of every answer: a tidy table, the question it answers, what to bear in mind, and where it comes from.

Not an estimator: estimators make results; a result only shows, saves and publishes itself.
"""

from __future__ import annotations

import dataclasses
import datetime
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evalkit import wording
from evalkit.disclosure import Policy, suppress, veil
from evalkit.provenance import Provenance
from evalkit.wording import Message, message

if TYPE_CHECKING:
    import pandas as pd

#: Tidy columns in the order they are shown: keys first, then values. A table holds those that apply, plus its `by` columns.
KEYS = ("term", "cause", "part", "time", "scenario", "outcome")
VALUES = (
    "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "conf_level",
    "n", "n_risk", "n_event", "n_censor", "status", "reason", "method",
)  # fmt: skip
#: A text that a spreadsheet computes; a number with its sign is none.
_FORMULA = re.compile(r"[=+@\t]|-(?!(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$)(?=.)", re.DOTALL)
STATUSES = ("ok", "not_estimable", "suppressed")


@dataclass(frozen=True, repr=False)
class Result:
    """A tidy table with its question, caveats and provenance.

    Parameters
    ----------
    table : DataFrame
        One row per estimate; columns named as in `KEYS` and `VALUES`. `reason` cells may hold a `Message`.
    question : Message
        The question in one sentence.
    caveats : tuple of Message
        What was done to the data, what cannot be concluded.
    provenance : Provenance
    glance_values : mapping, optional
        One value per fit: n, n_events, log_likelihood, aic, concordance …
    labels : mapping of str to mapping
        Column or code to ``{"fr": …, "en": …}``, used in headings and cells of summaries.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"term": ["spotted"], "estimate": [621.0], "n": [621]})
    >>> r = Result(table, message("result.no_counterfactual"))
    >>> r.tidy()["estimate"].item()
    621.0
    """

    table: pd.DataFrame
    question: Message
    caveats: tuple[Message, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    glance_values: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    published_under: Policy | None = None

    def tidy(self) -> pd.DataFrame:
        """Return a copy of the table, reasons written in the current language."""
        return self._worded(None)

    def glance(self) -> pd.DataFrame:
        """Return one row about the whole result."""
        import pandas as pd

        return pd.DataFrame([dict(self.glance_values) or {"n_rows": len(self.table)}])

    def with_caveats(self, *caveats: Message) -> Self:
        """Return the result with more caveats."""
        new = tuple(c for c in caveats if c not in self.caveats)
        return dataclasses.replace(self, caveats=self.caveats + new)

    def summary(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return the result as plain text in `lang`: the question, the table, the caveats."""
        lang = wording.language(lang)
        frame = self._display_frame(lang)
        lines = [self.question.text(lang), "", frame.head(max_rows).to_string(index=False)]
        if len(frame) > max_rows:
            lines.append(wording.text("result.more_rows", lang, n=len(frame) - max_rows))
        if self.caveats:
            lines += ["", wording.text("result.caveats_title", lang) + (" :" if lang == "fr" else ":")]
            lines += [f"- {c.text(lang)}" for c in self.caveats]
        return "\n".join(lines)

    def display(self, lang: str | None = None) -> pd.DataFrame:
        """Return the table as people read it: headings and codes in words, every cell written as `lang` writes it."""
        return self._display_frame(wording.language(lang))

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the result and return the matplotlib Axes; estimates with intervals unless a subclass knows better."""
        from evalkit import figures

        return figures.estimates(
            self._named_codes(lang), self.question.text(lang), ax=ax, lang=wording.language(lang)
        )

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the gate before any page, CSV or expected file: small cells hidden, and said so.

        Simulated, published and open data pass unchanged: nobody unpublished is in them.
        """
        policy = policy or Policy()
        if self.provenance.kind != "records":
            return dataclasses.replace(self, published_under=policy)
        table, hidden = self._suppressed(policy)
        said = []
        if hidden:
            said.append(
                message("result.published_gate", last=policy.threshold - 1, threshold=policy.threshold)
            )
        if policy.threshold < 11:
            said.append(
                message("result.published_gate_lowered", threshold=policy.threshold, reason=policy.reason)
            )
        for column in table:
            if table[column].map(lambda v: isinstance(v, Message)).any():
                cells = [veil(v, policy) if isinstance(v, Message) else v for v in table[column]]
                table = table.assign(**{column: cells})
        published = dataclasses.replace(
            self,
            table=table,
            question=veil(self.question, policy),
            caveats=tuple(veil(c, policy) for c in self.caveats),
            published_under=policy,
            glance_values={},
        )
        return published.with_caveats(*said)

    def save(self, folder: str | Path, name: str, lang: str | None = None) -> Path:
        """Write ``name.csv`` and ``name.json`` (question, caveats, provenance) and return the CSV's path.

        A text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``@`` or a tab, or with ``-`` and is
        no number) is written after an apostrophe, headings included: ``=1+1`` becomes ``'=1+1``. Numbers are
        written as they are.

        Raises
        ------
        ValueError
            If the result has not passed `publish`.
        """
        if self.published_under is None:
            raise ValueError("publish the result before saving it: result.publish(policy).save(...)")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.csv"
        without_formulas(self._worded(lang)).to_csv(path, index=False, lineterminator="\n")
        about = {
            "question": {lang: self.question.text(lang) for lang in wording.LANGUAGES},
            "caveats": {lang: [c.text(lang) for c in self.caveats] for lang in wording.LANGUAGES},
            "provenance": self.provenance.as_dict(),
        }
        (folder / f"{name}.json").write_text(
            json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        return path

    def to_html(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return an HTML fragment: question, table, caveats."""
        lang = wording.language(lang)
        frame = self._display_frame(lang)
        more = ""
        if len(frame) > max_rows:
            more = f"<p>{html.escape(wording.text('result.more_rows', lang, n=len(frame) - max_rows))}</p>"
        table = frame.head(max_rows).to_html(index=False, border=0, classes="evalkit", na_rep="–")
        items = "".join(f"<li>{html.escape(c.text(lang))}</li>" for c in self.caveats)
        caveats = f"<ul class='caveats'>{items}</ul>" if items else ""
        return f"<div class='evalkit-result'><p>{html.escape(self.question.text(lang))}</p>{table}{more}{caveats}</div>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return self.summary()

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Return the table with small cells hidden; curves override it, since a step tells of one person."""
        return suppress(self.table, policy)

    def _worded(self, lang: str | None) -> pd.DataFrame:
        frame = self.table.copy()
        for column in frame.columns:
            if frame[column].map(lambda v: isinstance(v, Message)).any():
                frame[column] = [v.text(lang) if isinstance(v, Message) else v for v in frame[column]]
        return frame

    def _named_codes(self, lang: str | None) -> pd.DataFrame:
        """Return the table with its codes in words, as a picture says them."""
        frame = self._worded(lang)
        for column in frame.columns.difference(["status", "reason", "method"], sort=False):
            if frame[column].map(lambda v: isinstance(v, str)).any():
                frame[column] = [
                    self._label(v, wording.language(lang)) if isinstance(v, str) and v in self.labels else v
                    for v in frame[column]
                ]
        return frame

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the table as people read it: headings and codes in words, numbers as the language writes them."""
        frame = self._worded(lang)
        frame = frame.drop(
            columns=[c for c in frame if c in ("status", "reason") and not _says_something(frame[c])]
        )
        written = frame.copy().astype(object)
        for column in frame.columns:
            written[column] = [self._cell(column, v, lang) for v in frame[column]]
        return written.rename(columns={c: self._label(c, lang) for c in frame.columns})

    def _label(self, code: object, lang: str) -> str:
        own = self.labels.get(str(code))
        if own:
            return own[lang]
        try:
            return wording.text(f"columns.{code}", lang)
        except KeyError:
            return str(code)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        if isinstance(value, str):
            return self._label(value, lang) if value in self.labels or column == "status" else value
        if value is None or value != value:
            return "–"
        if column == "p_value":
            return wording.p_value(value, lang)
        if isinstance(value, datetime.date):
            return wording.date(value, lang)
        if column == "share":
            return wording.percent(value, lang, 1)
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            return str(value)
        return wording.number(value, lang)


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts, headings included, no spreadsheet computes: an apostrophe goes before those it would.

    Examples
    --------
    >>> import pandas as pd
    >>> without_formulas(pd.DataFrame({"site": ["=1+1", "-5", "Est"], "n": [-1, 2, 3]})).values.tolist()
    [["'=1+1", -1], ['-5', 2], ['Est', 3]]
    """
    harmless = frame.rename(columns=_no_formula)
    for at, column in enumerate(frame.columns):
        if frame[column].map(lambda v: isinstance(v, str)).any():
            harmless.isetitem(at, frame[column].map(_no_formula))
    return harmless


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _says_something(column: pd.Series) -> bool:
    return bool((column.notna() & ~column.isin(["ok", ""])).any())
