"""What a study says of itself in `study.toml`: its question, its data, how exactly it must come back.

Not the analysis: that is `analysis.py`, an ordinary script.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from evalkit.disclosure import Policy


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BothLanguages(_Table):
    """A text in French and in English."""

    fr: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Disclosure(_Table):
    """Below how many people a cell is hidden; less than 11 needs a written reason."""

    threshold: int = Field(default=11, ge=1)
    reason: BothLanguages | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Disclosure:
        if self.threshold < 11 and self.reason is None:
            raise PydanticCustomError(
                "study.reason_needed", "a reason is needed", {"threshold": self.threshold}
            )
        return self

    def policy(self) -> Policy:
        """Return the rule of the gate."""
        return Policy(self.threshold, self.reason.model_dump() if self.reason else None)


class Band(_Table):
    """How far a regenerated number may lie from the expected one: ``atol + rtol * |expected|``."""

    rtol: float = Field(default=1e-6, ge=0)
    atol: float = Field(default=1e-9, ge=0)


class Tolerance(Band):
    """The band of every column, and of those that need another one. Whole numbers and words are compared exactly."""

    columns: dict[str, Band] = {}

    def of(self, column: str) -> Band:
        """Return the band of `column`."""
        return self.columns.get(column, self)


class DataFile(_Table):
    """A file the study needs and does not ship."""

    name: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Data(_Table):
    """Where the files a study does not ship may lie, and where to get them."""

    directories: list[str] = Field(min_length=1)
    download: BothLanguages
    file: list[DataFile] = Field(min_length=1)


class Declaration(_Table):
    """The whole of `study.toml`."""

    title: BothLanguages
    question: BothLanguages
    kind: Literal["records", "published", "simulated", "open"]
    seed: int | None = Field(default=None, ge=0)
    disclosure: Disclosure = Disclosure()
    tolerance: Tolerance = Tolerance()
    data: Data | None = None
