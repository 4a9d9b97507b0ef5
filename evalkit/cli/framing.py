"""Makes click speak the reader's language: help pages, usage lines and usage errors, from the catalogue `cli`.

Not a parser: click parses; only its own English sentences are replaced.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from typing import Any

import click

from evalkit import wording


def say(name: str, **values: Any) -> str:
    """Return the sentence `name` of the catalogue `cli` in the current language."""
    return wording.typeset(wording.text(f"cli.{name}", None, **values))


class Option(click.Option):
    """An option whose help and metavar are names in the catalogue."""

    def make_metavar(self, ctx: click.Context) -> str:
        return say(f"metavar_{self.metavar}") if self.metavar else super().make_metavar(ctx)

    def help_row(self, ctx: click.Context) -> tuple[str, str]:
        """Return the option as it is typed, and what it does."""
        names = ", ".join(self.opts)
        return names if self.is_flag else f"{names} {self.make_metavar(ctx)}", say(str(self.help))


class Argument(click.Argument):
    """An argument whose metavar is a name in the catalogue."""

    def make_metavar(self, ctx: click.Context) -> str:
        word = say(f"metavar_{self.metavar}") + ("…" if self.nargs == -1 else "")
        return word if self.required else f"[{word}]"


class _Spoken:
    """What commands and groups share: every heading and sentence comes from the catalogue."""

    def format_usage(self: Any, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = {self.options_metavar: "options", getattr(self, "subcommand_metavar", None): "subcommand"}
        pieces = [
            f"[{say('options')}]" if words.get(p) == "options" else say("subcommand") if p in words else p
            for p in self.collect_usage_pieces(ctx)
        ]
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=say("usage") + " ")

    def format_help_text(self: Any, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(say(self.help))

    def get_short_help_str(self: Any, limit: int = 45) -> str:
        return re.split(r"(?<=[.])\s", say(self.help))[0]

    def format_options(self: Any, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [p.help_row(ctx) for p in self.params if isinstance(p, Option)]
        rows.append(("--help", say("opt_help")))
        with formatter.section(say("heading_options")):
            formatter.write_dl(rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Command(_Spoken, click.Command):
    """A command that speaks the reader's language."""


class Group(_Spoken, click.Group):
    """A group of commands that speaks the reader's language, chosen before or after the command's name."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.params.append(
            Option(["--lang"], type=Language(), expose_value=False, metavar="lang", help="opt_lang")
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)]
        with formatter.section(say("heading_commands")):
            formatter.write_dl(rows)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order they were written, which is the order of use

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise click.UsageError(_unknown("no_command", args[0], list(self.commands)), ctx)
        return super().resolve_command(ctx, args)


class Whole(click.ParamType):
    """A whole number of at least `least`, and of at most `most` if given."""

    name = "whole"

    def __init__(self, least: int = 0, most: int | None = None):
        self.least, self.most = least, most

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            number = int(value)
        except ValueError:
            number = self.least - 1
        if number < self.least:
            self.fail(say("bad_whole", value=str(value), least=self.least), param, ctx)
        if self.most is not None and number > self.most:
            self.fail(say("bad_whole_most", value=str(value), most=str(self.most)), param, ctx)
        return number


class Day(click.ParamType):
    """A date, written 2011-09-30 or 30/09/2011."""

    name = "day"

    def convert(self, value: Any, param: Any, ctx: Any) -> dt.date:
        for form in ("%Y-%m-%d", "%d/%m/%Y"):
            try:
                return dt.datetime.strptime(str(value), form).date()
            except ValueError:
                continue
        return self.fail(say("bad_day", value=str(value)), param, ctx)


class Language(click.ParamType):
    """A language evalkit writes."""

    name = "language"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if value not in wording.LANGUAGES:
            self.fail(say("bad_language", value=str(value), known=list(wording.LANGUAGES)), param, ctx)
        return value


def explain(error: click.UsageError) -> str:
    """Return a usage error in the current language: the error, the usage line, where to find help."""
    lines = [f"{say('error')} {_sentence(error)}"]
    if error.ctx is not None:
        lines.append(error.ctx.get_usage())
        lines.append(say("see_help", command=f"{error.ctx.command_path} --help"))
    return "\n".join(lines)


def _sentence(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        known = [o for p in error.ctx.command.params for o in p.opts] if error.ctx else []
        return _unknown("no_option", error.option_name, [*known, "--help"])
    if isinstance(error, click.MissingParameter):
        return say("missing", what=_name(error))
    if isinstance(error, click.BadParameter):
        return say("about", what=_name(error), said=error.message)
    if isinstance(error, click.BadOptionUsage):
        needs = "requires an argument" in error.message
        return say("needs_value" if needs else "takes_no_value", what=error.option_name)
    extra = re.search(r"unexpected extra arguments? \((.*)\)", error.message)
    if extra:
        return say("extra", what=extra[1])
    if error.message == "Missing command.":
        return say("no_command_given")
    return error.message


def _name(error: click.BadParameter) -> str:
    if error.param is None or error.ctx is None:
        return ""
    return (
        error.param.opts[0] if isinstance(error.param, click.Option) else error.param.make_metavar(error.ctx)
    )


def _unknown(name: str, given: str, known: list[str]) -> str:
    near = difflib.get_close_matches(
        given, [k for k in known if k.startswith("--") or name == "no_command"], 1
    )
    return say(f"{name}_near", given=given, near=near[0]) if near else say(name, given=given)
