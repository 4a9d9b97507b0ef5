"""The command line: `evalkit describe | scenario | simulation | study`, in French or English: answers on stdout, progress on stderr.

Not a second library: each command calls the public names of evalkit and prints what they return. Exit status: 0 done, 1 results have
drifted or an engine is at fault, 2 wrong input, 70 a defect of evalkit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import click

from evalkit import wording
from evalkit.cli.common import tell
from evalkit.cli.describe import describe
from evalkit.cli.framing import Group, Option, explain, say
from evalkit.cli.scenario import scenario
from evalkit.cli.simulation import simulation
from evalkit.cli.study import study
from evalkit.errors import EvalkitError

__all__ = ["main", "root"]

#: As in sysexits.h: an internal software error, told apart from drift (1) and wrong input (2).
DEFECT = 70


@click.group(cls=Group, help="root", context_settings={"max_content_width": 100})
@click.option("--version", is_flag=True, cls=Option, help="opt_version", is_eager=True, expose_value=False,
              callback=lambda ctx, _, wanted: _version(ctx) if wanted else None)  # fmt: skip
def root() -> None:
    pass


for _command in (describe, scenario, simulation, study):
    root.add_command(_command)


def _version(ctx: click.Context) -> None:
    from evalkit import __version__

    click.echo(f"evalkit {__version__}")
    ctx.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    Examples
    --------
    >>> main(["study", "runn"])  # says on stderr which command was meant
    2
    """
    args = list(sys.argv[1:] if argv is None else argv)
    before = wording.chosen_language()
    wording.set_language(spoken_language(args, os.environ))
    try:
        outcome = root.main(args=args, prog_name="evalkit", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        click.echo(explain(error), err=True)
        return 2
    except EvalkitError as error:
        _trace(args)
        tell(error.render(wording.language()), err=error.exit_code != 1)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        tell(say("interrupted"), err=True)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a sentence and not a traceback
        _trace(args)
        tell(say("defect", kind=type(error).__name__, error=str(error)), err=True)
        return DEFECT
    else:
        return outcome if isinstance(outcome, int) else 0
    finally:
        wording.set_language(before)


def spoken_language(args: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the language of `--lang`, else `EVALKIT_LANG`, else French if the locale is French, else English.

    Read before click parses, so that help pages and usage errors are in it too.

    Examples
    --------
    >>> spoken_language(["study", "run", "--lang=fr"], {}), spoken_language([], {"LANG": "fr_FR.UTF-8"})
    ('fr', 'fr')
    """
    asked = [a.removeprefix("--lang=") for a in args if a.startswith("--lang=")]
    asked += [b for a, b in zip(args, args[1:], strict=False) if a == "--lang"]
    for wish in [*asked, environment.get("EVALKIT_LANG", "")]:
        if wish in wording.LANGUAGES:
            return wish
    locale = next((environment[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(k)), "")
    return "fr" if locale.lower().startswith("fr") else "en"


def _trace(args: Sequence[str]) -> None:
    if "--debug" in args:
        import traceback

        traceback.print_exc()
