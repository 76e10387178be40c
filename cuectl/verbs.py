"""Verbs: commands that the gateway's document describes (`x-cuectl`)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import click
from click.shell_completion import CompletionItem

from cuectl import PROGRAM
from cuectl.rephrasing import option_called, with_forms, with_named_arguments
from cuectl.requests import SIZE, example_of, is_flag, join_of, parameter
from cuectl.rows import FORMS, SIZES, columns_of, spans_in, titles_of
from cuectl.selection import ALL, STANDARD_INPUT, all_of, choosing, choosing_options
from cuectl.session import Session, Verb
from cuectl.words import WORDS, option_with_value, takes_words

LIKE_OPTIONS = 0.75
PRINTED_FORMS = {*FORMS} - {"name"}
"""Those that may be flags: --name would be a condition."""
NAME_CONDITION = "name:comp"
"""A condition on rows that most have."""
NUMBERS = {"integer": (int, "an integer"), "number": (float, "a number")}


class VerbCommand(click.Command):
    """A command for a verb. If it takes several names, it says where they come from."""

    def __init__(
        self,
        name: str,
        verb: Verb,
        session: Session,
        **more: Any,
    ) -> None:
        super().__init__(name, context_settings={"allow_extra_args": True}, **more)
        self._verb = verb
        self._session = session

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {
            option: not getattr(param, "is_flag", False)
            for param in self.params
            for option in param.opts
        }
        if self._verb.get("reads"):
            args = with_forms(args, PRINTED_FORMS)
        try:
            rest = super().parse_args(ctx, with_named_arguments(self._verb, args, options))
        except click.NoSuchOption as error:
            near = self._near_option(error.option_name.removeprefix("--"))
            raise click.UsageError(f"No such option '{error.option_name}'{near}", ctx) from None
        except click.MissingParameter:
            raise
        except click.BadParameter as error:
            if not self._is_missing(error.param, ctx):
                raise
            metavar = error.param.metavar if error.param is not None else ""
            raise click.UsageError(f"Missing argument '{metavar}'", ctx) from None
        if rest and not ctx.resilient_parsing:
            listed = f"argument{'s' if len(rest) > 1 else ''} ({' '.join(rest)})"
            hint = self._place_of(rest, ctx.params)
            raise click.UsageError(f"Got unexpected extra {listed}{hint}", ctx)
        return rest

    def _place_of(self, words: Sequence[str], given: Mapping[str, Any]) -> str:
        """Where a word belongs that is too much: `; for that: --show demo`."""
        from cuectl.names import Names, arguments_of

        arguments = arguments_of(self._verb, given, ())
        option = option_with_value(self._verb, words[0], Names(self._session), arguments)
        return "" if option is None else f"; for that: --{option} {words[0]}"

    def _near_option(self, name: str) -> str:
        from cuectl.headings import nearest_heading
        from cuectl.suggestions import did_you_mean

        if meant := self._session.tried.get(f"{self.name} --{name}"):
            return f"; for that: {PROGRAM} {meant}"
        for other, verb in self._session.known_verbs({}).items():
            if other.startswith(f"{self.name}-") and name in verb.get("options", {}):
                return f"; for that: {PROGRAM} {other}"
        if self._verb.get("reads") and (near := nearest_heading(name, self._verb)):
            column = near.removeprefix("; did you mean ").removesuffix("?")
            return f"; for that: --where, with a condition on {column}"
        options = [option for param in self.params for option in param.opts]
        known = [each.removeprefix("--") for each in options if each.startswith("--")]
        return did_you_mean(name, known, LIKE_OPTIONS).replace("mean ", "mean --")

    def _is_missing(self, wrong: click.Parameter | None, ctx: click.Context) -> bool:
        """Whether a value is wrong since it is the name before it, as in `priority JOB`."""
        several = [each for each in self.params if each.nargs == -1]
        is_argument = isinstance(wrong, click.Argument) and wrong.nargs == 1
        return is_argument and any(not ctx.params.get(str(each.name)) for each in several)


class NamedOption(click.Option):
    """An option that errors call by its name, without aliases."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return f"'{self.opts[0]}'"


class VerbOption(NamedOption):
    """An option with one value, of which nothing is lost if it is given several times."""

    def __init__(
        self, names: Sequence[str], join: "Callable[[Sequence[str]], str] | None", **more: Any
    ) -> None:
        """`join` makes one text of several that are given; without it, several are an error."""

        def only(ctx: click.Context, param: click.Parameter, values: Sequence[Any]) -> Any:
            if len(values) > 1 and join is None:
                raise click.UsageError(f"{self.opts[0]} is given {len(values)} times", ctx)
            return join(values) if len(values) > 1 and join else next(iter(values), None)

        super().__init__(names, multiple=True, callback=only, **more)


def command_of(name: str, verb: Verb, session: Session) -> click.Command:
    arguments: Sequence[Verb] = verb.get("arguments", ())
    options: Mapping[str, Verb] = verb.get("options", {})
    all_will_do = bool(verb.get("reads") and session.listing(verb))
    params: list[click.Parameter] = [argument_of(each, session, all_will_do) for each in arguments]
    params += [option_of(key, each, session, parameter(key)) for key, each in options.items()]
    own = {param.name for param in params}
    common = of_reads(verb) if verb.get("reads") else of_changes()
    elsewhere = {words for words in session.tried if words.startswith(f"{name} --")}
    params += [
        each
        for each in common
        if each.name not in own and not any(f"{name} {option}" in elsewhere for option in each.opts)
    ]
    listing = session.listing(verb)
    if listing is not None:
        params += options_that_choose(verb, *listing, session)
    if takes_words(verb):
        params.append(click.Argument([WORDS], metavar="[NAME]...", nargs=-1))

    def run(**given: Any) -> None:
        if verb.get("reads"):
            from cuectl.reads import read

            read(session, name, verb, given)
        else:
            from cuectl.changes import change

            change(session, name, verb, given)

    return VerbCommand(
        name,
        verb,
        session,
        params=params,
        callback=run,
        help="\n\n".join(paragraphs_of(name, verb, listing)),
        short_help=str(verb.get("summary", "")),
        epilog="Exit status: see cuectl --help",
    )


def paragraphs_of(name: str, verb: Verb, listing: tuple[str, Verb] | None) -> list[str]:
    found = [f"{verb.get('summary', '')}.", f"The method is {verb['method'].lstrip('/')}."]
    for each in verb.get("arguments", ()):
        if each.get("repeats"):
            named = str(each["name"]).upper()
            told = f"There may be several {named}s; {STANDARD_INPUT} reads them from a pipe"
            if listing:
                told += f": {pipe(listing[0], name, verb)}"
                options = [f"--{each}" for each in choosing_options(verb, listing[1])]
                if not verb.get("reads"):
                    options.append("--where")
                if options:
                    told += f". Without names, options of {listing[0]} choose them: "
                    told += ", ".join(options)
            found.append(f"{told}.")
    if options := [f"--{each['name']}" for each in verb.get("arguments", ())]:
        found.append(f"Arguments may be written as options: {', '.join(options)}.")
    found += words_behind(name, verb)
    if verb.get("reads") and (columns := columns_of(verb, "wide")):
        listed = ", ".join(
            path if title == path.upper() else f"{path} ({title})"
            for path, title in titles_of(columns)
        )
        found.append(f"Fields of its columns, for --where, --sort-by and --fields: {listed}.")
        if spans := [str(each["path"]) for each in spans_in(columns)]:
            found.append(f"Not for --where: {', '.join(spans)}.")
    return found


def words_behind(name: str, verb: Verb) -> list[str]:
    """What may be written without an option, such as `hosts down` and `retry JOB 1001-1010`."""
    options: Mapping[str, Verb] = verb.get("options", {})
    if takes_words(verb):
        flags = [option for option, about in options.items() if is_flag(about)]
        example = f", such as {PROGRAM} {name} {flags[0]}" if flags else ""
        return [f"A NAME may be a pattern, a part of names, or what an option says{example}."]
    ranges = [about["example"] for about in options.values() if "splits" in about]
    named = [str(each["name"]).upper() for each in verb.get("arguments", ())]
    line = f"{PROGRAM} {name} {' '.join(named)}"
    return [
        f"Words behind may be what options are given, such as {line} {each}." for each in ranges
    ]


def pipe(source: str, name: str, verb: Verb) -> str:
    """`cuectl hosts … -o name | cuectl move - ALLOC`."""
    words = [
        STANDARD_INPUT if each.get("repeats") else str(each["name"]).upper()
        for each in verb.get("arguments", ())
    ]
    return f"cuectl {source} … -o name | cuectl {name} {' '.join(words)}"


def argument_of(about: Verb, session: Session, all_will_do: bool) -> click.Argument:
    """`all_will_do`: without a name, a verb is about all that there are."""
    repeats = bool(about.get("repeats"))
    metavar = str(about["name"]).upper()
    if all_will_do or "default" in about:
        metavar = f"[{metavar}]"
    return click.Argument(
        [parameter(about["name"])],
        nargs=-1 if repeats else 1,
        required=not repeats and "default" not in about,  # names_of says more of a missing name
        metavar=f"{metavar}..." if repeats else metavar,
        type=click.BOOL if about.get("type") == "boolean" else Given(session, about),
    )


def option_of(name: str, about: Verb, session: Session, place: str) -> click.Option:
    """`place` is the name of the parameter."""
    names = [*map(option_called, (name, *about.get("aliases", ())))]
    flag = is_flag(about)
    help_ = str(about.get("help", ""))
    if example := about.get("example"):
        help_ += f", such as {example}"
    if not flag and (values := about.get("values")):
        help_ += f": {', '.join(values)}"
    if default := about.get("default"):
        shown = ", ".join(default) if isinstance(default, list) else default
        help_ += f" (default: {shown})"
    if flag:
        return click.Option([*names, place], is_flag=True, help=help_)
    more: dict[str, Any] = {
        "metavar": str(about.get("names", name)).removesuffix("s").upper(),
        "type": click.BOOL if about.get("type") == "boolean" else Given(session, about),
        "help": help_,
    }
    if about.get("many"):
        parts = separated if about.get("values") else None
        return NamedOption([*names, place], multiple=True, callback=parts, **more)
    return VerbOption([*names, place], join_of(name, about), **more)


def separated(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """The values of several texts with commas between them."""
    return tuple(part for each in values for part in each.split(","))


def options_that_choose(
    verb: Verb, kind: str, listing: Verb, session: Session
) -> Iterator[click.Option]:
    """Options of the verb that lists what this one takes names of."""
    for name, about in choosing_options(verb, listing).items():
        yield option_of(name, about, session, choosing(name))
    if not verb.get("reads"):
        fitting = f"Those {kind} that fit, such as '{listing.get('example', NAME_CONDITION)}'."
        yield VerbOption(["--where", "--filter"], all_of, metavar="CONDITION", help=fitting)
        if ALL not in verb.get("options", {}):
            yield click.Option([f"--{ALL}", choosing(ALL)], is_flag=True, help=f"All {kind}.")


def of_reads(verb: Verb) -> list[click.Option]:
    fitting = f"Rows that fit, such as '{verb.get('example', NAME_CONDITION)}'."
    return [
        click.Option(
            ["-o", "--output", "--format", "output"],
            type=click.Choice(FORMS),
            default="table",
            show_default=True,
            help="How rows are printed; json is the gateway's answer, of several a list.",
        ),
        VerbOption(
            ["--fields", "--columns", "fields"],
            ",".join,
            metavar="COLUMNS",
            help="Show these columns or fields, in this order.",
        ),
        click.Option(["--no-headers"], is_flag=True, help="Leave out the first line."),
        VerbOption(
            ["--sort-by", "--sort", "sort_by"],
            ",".join,
            metavar="COLUMNS",
            help="Sort by these; -name is descending.",
        ),
        click.Option(
            ["--reverse", "--desc", "reverse"], is_flag=True, help="Sort the other way round."
        ),
        VerbOption(["--where", "--filter"], all_of, metavar="CONDITION", help=fitting),
        VerbOption(
            ["--count-by", "--group-by", "--count", "count_by"],
            ",".join,
            metavar="COLUMNS",
            help="How many rows have which values.",
        ),
        VerbOption(
            ["--sum"],
            ",".join,
            metavar="COLUMNS",
            help="Add these up, of all rows or for --count-by.",
        ),
        click.Option(["-n", "--limit"], type=click.IntRange(min=0), help="So many rows at most."),
        click.Option(["-w", "--watch"], is_flag=True, help="Show what changes, until Ctrl-C."),
        click.Option(["--raw"], is_flag=True, help="Times and sizes as the gateway sends them."),
        timeout_option(),
    ]


def of_changes() -> list[click.Option]:
    return [
        click.Option(["-y", "--yes", "yes"], is_flag=True, help="Do not ask."),
        click.Option(["--dry-run"], is_flag=True, help="Show what would be called."),
        timeout_option(),
    ]


def timeout_option() -> click.Option:
    return click.Option(
        ["--timeout"],
        type=click.FloatRange(min=0.1, max=86400),
        metavar="SECONDS",
        help="How long a call may take (30).",
    )


class Given(click.types.StringParamType):
    """A text, which is checked as far as the gateway's document says what it may be."""

    def __init__(self, session: Session, about: Verb) -> None:
        self._session = session
        self._about = about

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises BadParameter. Values of enums may be in any case."""
        text = value.strip()
        if not text:  # of a variable that is not set, in a script
            self.fail("it is empty", param, ctx)
        if values := self._about.get("values"):
            several = text.split(",") if self._about.get("many") else [text]
            return ",".join(self._one_of(values, each.strip(), param, ctx) for each in several)
        if number := NUMBERS.get(self._about.get("type", "")):
            kind, called = NUMBERS["number"] if "per" in self._about else number
            if self._about.get("unit") in SIZES:
                if SIZE.fullmatch(text):
                    return text
                self.fail(f"{text!r} is no size with a unit{example_of(self._about)}", param, ctx)
            if text.startswith("+"):
                self.fail(f"{text!r} is a change: write the new value", param, ctx)
            with suppress(ValueError):
                kind(text)
                return text
            self.fail(f"{text!r} is not {called}{example_of(self._about)}", param, ctx)
        splits = self._about.get("splits")
        if splits and re.fullmatch(splits, text, re.ASCII):
            return text
        pattern = "" if "parts" in self._about else self._about.get("pattern")
        if pattern and not re.fullmatch(pattern, text, re.ASCII):
            self.fail(f"{text!r} does not fit{example_of(self._about)}", param, ctx)
        return value

    def _one_of(
        self,
        values: list[str],
        text: str,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        from cuectl.suggestions import did_you_mean

        found = {each.lower(): each for each in values}.get(text.lower())
        if found is None:
            near = did_you_mean(text, values) or f"; it is one of {', '.join(values)}"
            self.fail(f"there is no {text!r}{near}", param, ctx)
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from cuectl.completion import fitting, names_for

        values = self._about.get("values")
        if values is None:
            values = names_for(self._session, self._about.get("names", ""))
        return fitting(values, incomplete)
