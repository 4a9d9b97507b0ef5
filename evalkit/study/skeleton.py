"""Starts a study: a folder that runs and passes its check from the first minute.

Not a questionnaire: what to put in the files is written in the files.
"""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from evalkit.errors import InputError
from evalkit.wording import fault


def new(path: str | Path) -> Path:
    """Write a working study into the folder `path` and return it.

    Parameters
    ----------
    path : str or Path
        A folder that does not exist yet, or is empty.

    Raises
    ------
    InputError
        If the folder holds something already: nothing is overwritten.
    """
    from evalkit.study.folder import Study

    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(fault("study.not_empty", file=folder))
    template = files("evalkit.study") / "template"
    for name in ("study.toml", "plan.md", "analysis.py", "README.md", "facts/example.csv"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((template / f"{name}.txt").read_text(encoding="utf-8"), encoding="utf-8")
    study = Study.load(folder)
    with tempfile.TemporaryDirectory(prefix="evalkit-") as out:
        study.accept(study.run(out, lang=()))
    return folder
