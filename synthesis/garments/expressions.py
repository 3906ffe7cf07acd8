"""Arithmetic in pattern files, such as "chest_girth / 4 * ease + 0.01": a closed grammar, nothing is executed."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping

from model.errors import UserError

_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_FUNCTIONS = {"min": min, "max": max}


class PatternError(UserError):
    """A sewing pattern cannot be read, or does not fit together."""


def evaluate(expression: str | float, names: Mapping[str, float]) -> float:
    """Value of a number or of an expression of + - * / min max over named lengths.

    Args:
        expression: a number, or text.
        names: values of the measurements and variables that the text may use.

    Raises:
        PatternError: the text is no such expression, or names something unknown.
    """
    if isinstance(expression, int | float):
        return float(expression)
    try:
        return _value(ast.parse(expression, mode="eval").body, names)
    except (SyntaxError, TypeError, ZeroDivisionError) as error:
        raise PatternError(f"A length is made of numbers, names, + - * / min max. Received: {expression!r}") from error


def _value(node: ast.expr, names: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
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
