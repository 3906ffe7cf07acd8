"""JSON -> frozen dataclasses, driven by their type annotations: a new field needs no reader of its own.

Understood: nested dataclasses, `tuple[X, ...]`, `tuple[X, Y]`, `list[X]`, `dict[str, X]`, `X | None`, `bool`, `int`,
`float`, `str`, `Any`, and `Annotated` with the limits below:

    @dataclasses.dataclass(frozen=True)
    class Window:
        start: Annotated[int, AtLeast(0)]
        motion: Annotated[str, OneOf(KINDS)]

Everything wrong in a value is reported at once, each with the field's path, what was wanted and what was received.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

from model.errors import ConfigError

T = TypeVar("T")
Reader = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One field that cannot be used.

    Attributes:
        path: of the field, as in "simulation.motion.start" or "lights[2].size"; "" for the whole value.
        wanted: what the field should be.
        received: what was there, as text.
    """

    path: str
    wanted: str
    received: str

    def __str__(self) -> str:
        text = f"{self.wanted}. Received: {self.received}" if self.received else self.wanted
        return f"{self.path}: {text}" if self.path else text

    def below(self, parent: str) -> Problem:
        """The same problem seen from an enclosing value, whose field or item `parent` names."""
        joint = "" if not self.path or self.path.startswith("[") else "."
        return dataclasses.replace(self, path=f"{parent}{joint}{self.path}")


class FieldError(ConfigError):
    """Fields of a value are unknown, missing or of the wrong kind; `problems` lists all of them."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclasses.dataclass(frozen=True)
class AtLeast:
    """Limit: a number >= `low`."""

    low: float

    def problem(self, value: Any) -> str:
        """What is wanted where `value` does not do, else ""."""
        return "" if value >= self.low else f">= {self.low}"


@dataclasses.dataclass(frozen=True)
class Above:
    """Limit: a number > `low`."""

    low: float

    def problem(self, value: Any) -> str:
        """What is wanted where `value` does not do, else ""."""
        return "" if value > self.low else f"> {self.low}"


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Limit: one of some names; a misspelt one is answered with the nearest."""

    names: tuple[str, ...]

    def __init__(self, names: Iterable[str]):
        object.__setattr__(self, "names", tuple(names))

    def problem(self, value: Any) -> str:
        """What is wanted where `value` does not do, else ""."""
        return "" if value in self.names else one_of(self.names, value)


def one_of(names: Sequence[str], value: Any) -> str:
    """Words for "one of these names was wanted", with the nearest spelling of `value` where there is one."""
    nearest = difflib.get_close_matches(str(value), names, n=1)
    return f"one of {', '.join(names)}" + (f" (nearest: {nearest[0]})" if nearest else "")


def build(cls: type[T], values: Any) -> T:
    """Makes a dataclass from parsed JSON.

    Args:
        cls: a dataclass whose annotations are of the kinds named at the top. Fields with a default may be missing.
        values: what json.loads returned.

    Raises:
        FieldError: fields are unknown, missing, of the wrong kind or outside their limits; NaN and infinite numbers
            are refused everywhere.
    """
    return _reader(typing.cast(Any, cls))(values)


@functools.cache
def _reader(hint: Any) -> Reader:
    """Function that turns parsed JSON into a value of an annotation, or raises FieldError with paths from there on."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _limited(_reader(arguments[0]), hint.__metadata__, _WORDS.get(arguments[0], ""))
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(typing.cast(type, hint))
    if origin in (typing.Union, types.UnionType):
        return _optional_reader(arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _fixed_tuple_reader([_reader(argument) for argument in arguments])
    if origin in (tuple, list):
        return _sequence_reader(_reader(arguments[0]), origin)
    if origin is dict:
        return _dict_reader(_reader(arguments[1]))
    if hint in _SCALARS:
        return _SCALARS[hint]
    raise TypeError(f"No reader for fields of type {hint!r}")


def _refuse(wanted: str, value: Any) -> FieldError:
    text = repr(value)
    return FieldError([Problem("", wanted, text if len(text) <= 80 else f"{text[:77]}...")])


def _read_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refuse("a whole number", value)
    return value


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refuse("a finite number", value)
    return float(value)


def _read_str(value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse("a text", value)
    return value


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse("true or false", value)
    return value


_SCALARS: dict[Any, Reader] = {
    int: _read_int,
    float: _read_float,
    str: _read_str,
    bool: _read_bool,
    Any: lambda value: value,
}
_WORDS = {int: "a whole number ", float: "a finite number "}


def _limited(read: Reader, limits: Sequence[Any], kind: str) -> Reader:
    def read_limited(value: Any) -> Any:
        found = read(value)
        for limit in limits:
            wanted = limit.problem(found)
            if wanted:
                raise _refuse(kind + wanted, value)
        return found

    return read_limited


def _optional_reader(arguments: Sequence[Any]) -> Reader:
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) != 1 or len(inner) == len(arguments):
        raise TypeError(f"No reader for a union of {arguments!r}")
    read = _reader(inner[0])
    return lambda value: None if value is None else read(value)


def _items(named: Iterable[tuple[str, Reader, Any]]) -> tuple[list[Any], list[Problem]]:
    """Reads (name, reader, value) triples: the results, and the problems of all that failed."""
    found, problems = [], []
    for name, read, value in named:
        try:
            found.append(read(value))
        except FieldError as error:
            problems += [problem.below(name) for problem in error.problems]
    return found, problems


def _sequence_reader(read: Reader, kind: type) -> Reader:
    def read_sequence(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _refuse("a list", value)
        found, problems = _items((f"[{i}]", read, item) for i, item in enumerate(value))
        if problems:
            raise FieldError(problems)
        return kind(found)

    return read_sequence


def _fixed_tuple_reader(readers: Sequence[Reader]) -> Reader:
    def read_tuple(value: Any) -> tuple:
        if not isinstance(value, list | tuple) or len(value) != len(readers):
            raise _refuse(f"a list of {len(readers)}", value)
        pairs = zip(readers, value, strict=True)
        found, problems = _items((f"[{i}]", read, item) for i, (read, item) in enumerate(pairs))
        if problems:
            raise FieldError(problems)
        return tuple(found)

    return read_tuple


def _dict_reader(read: Reader) -> Reader:
    def read_dict(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse("an object", value)
        found, problems = _items((key, read, item) for key, item in value.items())
        if problems:
            raise FieldError(problems)
        return dict(zip(value, found, strict=True))

    return read_dict


def _dataclass_reader(cls: type) -> Reader:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    readers = {name: _reader(hints[name]) for name in fields}
    needed = [
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]

    def read_dataclass(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _refuse(f"an object with {', '.join(fields)}", value)
        known = {name: item for name, item in value.items() if name in readers}
        found, problems = _items((name, readers[name], item) for name, item in known.items())
        problems += [Problem(name, "a value is needed", "nothing") for name in needed if name not in value]
        unknown = [name for name in value if name not in readers]
        problems += [Problem(name, f"a field is {one_of(list(fields), name)}", repr(name)) for name in unknown]
        if problems:
            raise FieldError(problems)
        try:
            return cls(**dict(zip(known, found, strict=True)))
        except ConfigError as error:
            raise FieldError([Problem("", str(error), "")]) from error

    return read_dataclass
