"""Arithmetic in pattern files, such as "chest_girth / 4 * ease + 0.01": a closed grammar, nothing is executed."""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Mapping

from model.errors import UserError

_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS = {"min": min, "max": max}
# Python's parser recurses: text that is nested without end would take the process with it.
LONGEST = 500


class PatternError(UserError):
    """A sewing pattern cannot be read, or does not fit together."""


def evaluate(expression: str | float, names: Mapping[str, float]) -> float:
    """Value of a number or of an expression of + - * / min max over named lengths.

    Args:
        expression: a number, or text.
        names: values of the measurements and variables that the text may use.

    Raises:
        PatternError: the text is no such expression, names something unknown, or comes to no finite number.
    """
    try:
        tree = expression if isinstance(expression, int | float) else _parsed(expression)
        value = _value(tree, names) if isinstance(tree, ast.expr) else float(tree)
    except (SyntaxError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise PatternError(f"A length is made of numbers, names, + - * / min max. Received: {expression!r}") from error
    if not math.isfinite(value):
        raise PatternError(f"A length is a finite number. Received: {expression!r}, which comes to {value}")
    return value


def names_in(expression: str | float) -> frozenset[str]:
    """Names that an expression uses, functions aside.

    Raises:
        PatternError: the text is no expression.
    """
    if isinstance(expression, int | float):
        return frozenset()
    try:
        nodes = ast.walk(_parsed(expression))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PatternError(f"A length is made of numbers, names, + - * / min max. Received: {expression!r}") from error
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name)) - set(_FUNCTIONS)


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise PatternError(f"A length has at most {LONGEST} letters. Received: {len(text)}: {text[:40]}...")
    return ast.parse(text.strip(), mode="eval").body


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(arg, names) for arg in args))
    raise PatternError(
        f"A length is made of numbers, + - * / min max and the names {', '.join(sorted(names))}. "
        f"Received: {ast.unparse(node)!r}"
    )
