"""Reads a pickle without running it: the only values that can come out are plain data.

Pickle is a little stack language whose programs may import and call anything, and the model files that people pass
around are pickles. Allowing some classes through `pickle.Unpickler.find_class` is not enough: its other opcodes still
set attributes on whatever is allowed, hash nested tuples for ever, or size tables by a number in the file. So the
language is interpreted here over inert values. A global is looked up in a table of known names and becomes a tag;
"calling" it writes down the call. Nothing is imported or called, nothing is set on anything but records made here, and
no value is larger than what the file spells out. `model.body.pickled_arrays` reads arrays out of the records.
"""

from __future__ import annotations

import codecs
import dataclasses
import enum
import io
import pathlib
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from model.errors import BodyFileError

MAX_BYTES = 2 * 2**30  # SMPL's largest release has 0.25 GB


class Kind(enum.Enum):
    """What a global of the table means."""

    ARRAY = enum.auto()
    BUFFER = enum.auto()
    SCALAR = enum.auto()
    DTYPE = enum.auto()
    CSC = enum.auto()
    CSR = enum.auto()
    COO = enum.auto()
    CHUMPY = enum.auto()
    ENCODE = enum.auto()
    RECONSTRUCTOR = enum.auto()
    DICT = enum.auto()
    UNREAD = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Global:
    """A name that the file refers to, in place of what it names."""

    kind: Kind
    name: str


@dataclasses.dataclass(slots=True, eq=False)
class Record:
    """An object that the file asks for: by which global, with what arguments and, if any, what state."""

    made_by: Global
    args: tuple[Any, ...]
    state: Any = None


def _table() -> dict[tuple[str, str], Kind]:
    table = {
        ("numpy", "ndarray"): Kind.UNREAD,
        ("numpy", "dtype"): Kind.DTYPE,
        ("_codecs", "encode"): Kind.ENCODE,
        ("copy_reg", "_reconstructor"): Kind.RECONSTRUCTOR,
        ("copyreg", "_reconstructor"): Kind.RECONSTRUCTOR,
        ("collections", "OrderedDict"): Kind.DICT,
    }
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "_reconstruct"] = Kind.ARRAY
        table[f"{core}.multiarray", "scalar"] = Kind.SCALAR
        table[f"{core}.numeric", "_frombuffer"] = Kind.BUFFER
    for kind in (Kind.CSC, Kind.CSR, Kind.COO):
        form = kind.name.lower()
        for module in (f"scipy.sparse.{form}", f"scipy.sparse._{form}"):
            table[module, f"{form}_matrix"] = table[module, f"{form}_array"] = kind
    for builtins in ("__builtin__", "builtins"):
        for name in ("object", "set", "frozenset", "bytes"):
            table[builtins, name] = Kind.UNREAD
    return table


_GLOBALS = _table()
_LITERALS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
))  # fmt: skip
_KEYS = (str, int, float, bytes, type(None))
_MARK = object()


def load_restricted(path: str | pathlib.Path) -> dict[str, Any]:
    """The dictionary in a pickle file, of any protocol, written by Python 2 or 3.

    Values are None, numbers, str, bytes, lists, tuples and dictionaries of such, and `Record`s. Python 2's byte strings
    come out as str, one character a byte (latin-1); sets come out as lists.

    Raises:
        BodyFileError: there is no such file, it is too large, it is not a whole pickle of a dictionary, or it refers to
            a global outside of the table (the message names it).
    """
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            raise BodyFileError("A pickled body model is needed. Received: no file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BodyFileError(f"A body model has at most {MAX_BYTES} bytes. Received: {size}")
        value = _Machine(io.BytesIO(path.read_bytes())).run()
    except BodyFileError as error:
        raise BodyFileError(f"{error} ({path})") from error
    except Exception as error:  # a damaged file can fail at any step, in any way
        raise BodyFileError(
            f"A whole pickle of a body model is needed. Received: {path} ({type(error).__name__}: {str(error)[:80]})"
        ) from error
    if type(value) is not dict or not all(isinstance(name, str) for name in value):
        raise BodyFileError(f"A body model is a dictionary of named arrays. Received: {path} with {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A short name for what the file holds: never its contents, which can be endless."""
    return value.made_by.name if isinstance(value, Record) else type(value).__name__


def _read_python2_string(file: BinaryIO) -> str:
    """Argument of STRING: bytes in quotes with escapes (pickletools reads ASCII only)."""
    line = file.readline()
    if len(line) < 3 or line[:1] not in b"'\"" or line[-2:] != line[:1] + b"\n":
        raise BodyFileError("A string in a pickle stands in quotes. Received: one that does not")
    return codecs.escape_decode(line[1:-2])[0].decode("latin-1")  # type: ignore[attr-defined]


# Opcode -> its name and what reads its argument, if it has one.
_READERS: dict[bytes, tuple[str, Callable[[Any], Any] | None]] = {
    op.code.encode("latin-1"): (op.name, op.arg.reader if op.arg else None)  # type: ignore[attr-defined]
    for op in pickletools.opcodes
} | {b"S": ("STRING", _read_python2_string)}


class _Machine:
    """The stack machine of pickle (the opcodes are described in the standard library's pickletools)."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._stack: list[Any] = []
        # Not a list: a file may put its first value at index four thousand million.
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Runs to STOP and returns the value that is then on top."""
        while True:
            code = self._file.read(1)
            if not code:
                raise EOFError("the file ends before the pickle does")
            name, read = _READERS[code]
            argument = read(self._file) if read else None
            if name == "STOP":
                return self._stack.pop()
            self._step(name, argument)

    def _step(self, name: str, argument: Any) -> None:
        stack, memo = self._stack, self._memo
        match name:
            case "PROTO" | "FRAME":
                pass
            case _ if name in _LITERALS:
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_DICT":
                stack.append({})
            case "LIST" | "FROZENSET":
                stack.append(self._to_mark())
            case "TUPLE":
                stack.append(tuple(self._to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                if len(stack) < count:
                    raise BodyFileError("A whole pickle is needed. Received: a tuple of more than there is")
                stack[-count:] = [tuple(stack[-count:])]
            case "DICT":
                items = self._to_mark()
                stack.append({})
                self._set_items(items)
            case "APPEND":
                self._extend([stack.pop()])
            case "APPENDS" | "ADDITEMS":
                self._extend(self._to_mark())
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                self._set_items([key, value])
            case "SETITEMS":
                self._set_items(self._to_mark())
            case "MARK":
                stack.append(_MARK)
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._to_mark()
            case "DUP":
                stack.append(stack[-1])
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GLOBAL":
                stack.append(_look_up(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                attribute, module = stack.pop(), stack.pop()
                stack.append(_look_up(module, attribute))
            case "REDUCE" | "NEWOBJ":
                args, function = stack.pop(), stack.pop()
                stack.append(_write_down(function, args))
            case "BUILD":
                state = stack.pop()
                if type(stack[-1]) is not Record:
                    raise BodyFileError(f"Only arrays have a state to set. Received: {shown(stack[-1])}")
                stack[-1].state = state
            case _:
                # Persistent ids, extension codes, out-of-band buffers, old-style instances: no body model has them.
                raise BodyFileError(f"A body model is pickled data. Received: opcode {name}")

    def _to_mark(self) -> list[Any]:
        """Pops all above the topmost mark, and the mark."""
        start = len(self._stack) - 1
        while self._stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise BodyFileError("A whole pickle is needed. Received: one with a mark missing")
        items = self._stack[start + 1 :]
        del self._stack[start:]
        return items

    def _extend(self, items: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise BodyFileError(f"Items are appended to lists. Received: {shown(self._stack[-1])}")
        self._stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target, keys = self._stack[-1], items[::2]
        if type(target) is not dict or len(items) % 2:
            raise BodyFileError(f"Pairs are put into dictionaries. Received: {shown(target)}")
        for key in keys:
            # The hash of a tuple of tuples of ... costs time without end for a few bytes of file.
            if not isinstance(key, _KEYS):
                raise BodyFileError(f"Keys are strings or numbers. Received: {shown(key)}")
        target.update(zip(keys, items[1::2], strict=True))


def _look_up(module: Any, name: Any) -> Global:
    if not isinstance(module, str) or not isinstance(name, str):
        raise BodyFileError(f"A global is two strings. Received: {shown(module)} and {shown(name)}")
    kind = _GLOBALS.get((module, name))
    # Chumpy's classes are many and only ever records here; which of them hold an array is asked when one is wanted.
    if kind is None and module.split(".")[0] == "chumpy" and name.isidentifier():
        kind = Kind.CHUMPY
    if kind is None:
        raise BodyFileError(
            "A pickled body model holds only NumPy arrays, SciPy sparse matrices and chumpy objects, and nothing else "
            f"is ever loaded from it. Received: {module[:80]!a}, {name[:80]!a}"
        )
    return Global(kind, f"{module}.{name}")


def _write_down(function: Any, args: Any) -> Any:
    """What calling a global comes to."""
    if type(function) is not Global or type(args) is not tuple:
        raise BodyFileError(f"A global is made with a tuple. Received: {shown(function)} with {shown(args)}")
    match function.kind:
        case Kind.ENCODE:
            # Python 3 spells bytes so for old protocols; left as text, which `pickled_arrays` takes for the same bytes.
            if len(args) != 2 or not isinstance(args[0], str) or args[1] not in ("latin1", "latin-1"):
                raise BodyFileError("Bytes are pickled as latin-1 text. Received: another encoding")
            return args[0]
        case Kind.RECONSTRUCTOR:
            if len(args) != 3 or type(args[0]) is not Global or type(args[1]) is not Global or args[2] is not None:
                raise BodyFileError("Old pickles make plain instances of a class. Received: something else")
            return Record(args[0], ())
        case Kind.DICT if not args:
            return {}
        case _:
            return Record(function, args)
