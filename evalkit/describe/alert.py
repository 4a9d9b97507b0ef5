"""Today's alert: who has been silent for long enough to be lost within the month, while it can still be prevented.

Not a prediction: the forecast says who would cross the line if nothing happened.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit import wording
from evalkit.describe.gate import ALL, MISSING, Counted, Partition
from evalkit.describe.standing import standing
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.silence import Silence
from evalkit.wording import labels, message

#: Days ahead that the alert looks.
AHEAD = 30
#: First and last day, from the closing day, of each window of the forecast.
_WINDOWS = {"within_7": (0, 7), "within_14": (8, 14), "within_30": (15, AHEAD)}
_TERMS = ("engaged", "recent", "silent", "booked", *_WINDOWS)
#: A line of the table to the lines it divides into.
_DIVIDES = {"engaged": ("recent", "silent", "booked"), "silent": tuple(_WINDOWS)}


@dataclass(frozen=True, repr=False)
class Alert(Counted):
    """An alert: ``term``, ``site`` ("all" for everybody), ``count``, ``n`` (those in contact), ``share``."""

    _people: pd.DataFrame | None = None

    def people(self) -> pd.DataFrame:
        """Return the people to call first: person, site, silent_since, silent_days, crosses_on. Never published.

        Raises
        ------
        InputError
            On a published alert.
        """
        if self._people is None:
            raise InputError(
                "alert: the list of people is not published; ask the alert made from the records"
            )
        return self._people.copy()

    def publish(self, policy: Policy | None = None) -> Alert:
        """Pass the gate; the list of people stays behind, whoever the people are."""
        return dataclasses.replace(super().publish(policy), _people=None)

    def partitions(self) -> list[Partition]:
        """Return the lines of each site, and the sites of each line."""
        at = {key: i for i, key in enumerate(zip(self.table["term"], self.table["site"], strict=True))}
        sites = list(dict.fromkeys(self.table["site"]))
        lines = [
            (at[whole, site], [at[part, site] for part in parts])
            for site in sites
            for whole, parts in _DIVIDES.items()
        ]
        if len(sites) > 1:
            lines += [(at[term, ALL], [at[term, site] for site in sites[1:]]) for term in _TERMS]
        return lines

    def keys(self) -> list[tuple]:
        """Return (line, column, value) of each row."""
        pairs = zip(self.table["term"], self.table["site"], strict=True)
        return [(term, ALL, ALL) if site == ALL else (term, "site", site) for term, site in pairs]

    def bases(self) -> list[int | None]:
        """Return those in contact at each site."""
        at = {site: i for i, site in enumerate(self.table["site"]) if self.table["term"].iloc[i] == "engaged"}
        return [at[site] for site in self.table["site"]]

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the alert as people read it: one line per site."""
        lines = []
        for site in dict.fromkeys(self.table["site"]):
            line = {self._label("site", lang): self._label(site, lang)}
            for row in self.table[self.table["site"] == site].to_dict("records"):
                hidden = row.get("status") == "suppressed"
                written = self._label("suppressed", lang) if hidden else wording.number(row["count"], lang)
                line[self._label(row["term"], lang)] = written
            lines.append(line)
        return pd.DataFrame(lines)


def alert(fu: Any, silence: Silence | None = None) -> Alert:
    """Count those in contact whose silence will reach the limit within 30 days if nothing happens, by site.

    With the rule of 90 days: those silent for 60 to 89 days on the closing day. A silence paused by an appointment ahead is
    counted apart.

    Parameters
    ----------
    fu : FollowUp
    silence : Silence, optional
        Default `Silence()`.

    Returns
    -------
    Alert
        Terms: engaged = recent + silent + booked; silent = within_7 + within_14 + within_30, by the days left until the limit.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> people = pd.DataFrame({"person": list("abc"), "entered_on": ["2011-07-08", "2011-09-20", "2011-03-01"]})
    >>> today = alert(FollowUp.from_frames(people, as_of="2011-09-30"))
    >>> today.tidy().set_index("term")["count"].to_dict()["silent"]
    1
    >>> today.people()[["person", "silent_days"]].values.tolist()
    [['a', 84]]
    """
    found = standing(fu, silence)
    days, as_of = found.silence.days, pd.Timestamp(fu.as_of)
    here = found.frame[found.frame["situation"] == "engaged"]
    left = days - here["silent_days"].astype(int)
    booked = (here["booked_until"] > as_of).to_numpy()
    silent = ~booked & (left <= AHEAD).to_numpy()
    inside = {
        "engaged": here["person"].notna().to_numpy(),
        "recent": ~booked & ~silent,
        "silent": silent,
        "booked": booked,
        **{name: silent & left.between(low, high).to_numpy() for name, (low, high) in _WINDOWS.items()},
    }
    rows = []
    for site, members in _sites(found.frame, here).items():
        base = int(members.sum())
        for term in _TERMS:
            count = int((inside[term] & members).sum())
            share = count / base if base else float("nan")
            rows.append({"term": term, "site": site, "count": count, "n": base, "share": share})
    listed = here.loc[silent, ["person", "site", "silent_since", "silent_days"]]
    listed = listed.assign(
        silent_days=listed["silent_days"].astype(int),
        crosses_on=as_of + pd.to_timedelta(left[silent], unit="D"),
    )
    words = labels(
        "describe", "engaged", "booked", *_WINDOWS, ALL, MISSING, "site", "suppressed", "count", "n"
    )
    words |= {
        term: {
            lang: wording.text(f"describe.alert_{term}", lang, low=low, high=high)
            for lang in wording.LANGUAGES
        }
        for term, low, high in (("recent", 0, days - AHEAD - 1), ("silent", max(days - AHEAD, 0), days - 1))
    }
    return Alert(
        pd.DataFrame(rows),
        message("describe.question_alert", as_of=as_of, days=days, ahead=AHEAD),
        (message("describe.alert_rule", days=days, low=max(days - AHEAD, 0), high=days - 1), *found.caveats),
        fu.provenance,
        labels=words,
        _people=listed.sort_values(["crosses_on", "person"]).reset_index(drop=True),
    )


def _sites(everybody: pd.DataFrame, here: pd.DataFrame) -> dict[str, Any]:
    """Return who of those in contact is at each site; a site with nobody in contact is shown too."""
    groups = {ALL: here["person"].notna().to_numpy()}
    values: Sequence[str] = sorted(everybody["site"].dropna().astype(str).unique())
    for value in values:
        groups[value] = (here["site"].astype(str) == value).to_numpy()
    if values and everybody["site"].isna().any():
        groups[MISSING] = here["site"].isna().to_numpy()
    return groups
