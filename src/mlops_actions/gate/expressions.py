"""Comparisons of numbers, written as Python writes them, and nothing else of Python.

A line is parsed, never compiled: what is not in the lists below is refused before any of it is worked out. Truths
(comparisons, `and`, `or`, `not`) and numbers (metrics, literals, `+ - * /`, `abs`, `min`, `max`) are different things,
so that a number is no answer to a requirement, and `True + 1` is nothing at all.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MOST_CHARACTERS = 500
_DEEPEST = 40

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: Mapping[str, tuple[Callable[..., float], int, int]] = {
    "abs": (abs, 1, 1),
    "min": (min, 2, MOST_CHARACTERS),
    "max": (max, 2, MOST_CHARACTERS),
}
"""Functions with the fewest and the most arguments that they take."""

_ALLOWED = "metrics, numbers, + - * /, comparisons, and, or, not, abs, min and max"


class ExpressionError(Exception):
    """What is wrong with an expression as it is written."""


class UndefinedError(Exception):
    """Why an expression that is well written has no answer for these values."""


@dataclass(frozen=True)
class Expression:
    """A comparison, and the names in it, in the order in which they are written."""

    text: str
    names: tuple[str, ...]
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read a line. Raises ExpressionError that says what about it is not allowed."""
        if len(text) > MOST_CHARACTERS:
            raise ExpressionError(f"it has {len(text)} characters, more than {MOST_CHARACTERS}")
        tree = _parsed(text)
        _check_truth(tree, _DEEPEST)
        return cls(text, tuple(dict.fromkeys(_names(tree))), tree)

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether it is true of the values, which have all its names. Raises UndefinedError if that is no question."""
        return _truth(self._tree, values)


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has opinions on the style of `1or 2`
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"it is not an expression: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"it is not an expression: {error}") from None


def _names(tree: ast.expr) -> Iterator[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    yield from (node.id for node in sorted(found, key=lambda node: node.col_offset))


def _check_truth(node: ast.expr, depth: int) -> None:
    if depth == 0:
        raise ExpressionError("it is nested too deeply")
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(one) in _COMPARISONS for one in ops):
            for number in (left, *others):
                _check_number(number, depth - 1)
        case ast.BoolOp(values=values):
            for truth in values:
                _check_truth(truth, depth - 1)
        case ast.UnaryOp(op=ast.Not(), operand=truth):
            _check_truth(truth, depth - 1)
        case _ if _is_number(node):
            raise ExpressionError(f"`{_shown(node)}` is a number, not a comparison such as accuracy >= 0.8")
        case _:
            raise ExpressionError(f"`{_shown(node)}` is not allowed, only {_ALLOWED}")


def _check_number(node: ast.expr, depth: int) -> None:
    if depth == 0:
        raise ExpressionError("it is nested too deeply")
    match node:
        case ast.Name():
            return
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            _as_float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            _check_number(left, depth - 1)
            _check_number(right, depth - 1)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
            _check_number(operand, depth - 1)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            _, fewest, most = _FUNCTIONS[name]
            if not fewest <= len(arguments) <= most:
                raise ExpressionError(f"{name} takes {'one number' if most == 1 else 'two numbers or more'}")
            for argument in arguments:
                _check_number(argument, depth - 1)
        case _:
            raise ExpressionError(f"`{_shown(node)}` is not allowed there, only {_ALLOWED}")


def _is_number(node: ast.expr) -> bool:
    try:
        _check_number(node, _DEEPEST)
    except ExpressionError:
        return False
    return True


def _as_float(value: float) -> float:
    """A literal as a finite float."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("a number in it is too large")
    return number


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - characters


def _truth(node: ast.expr, values: Mapping[str, float]) -> bool:
    match node:
        case ast.BoolOp(op=op, values=parts):
            answers = (_truth(part, values) for part in parts)
            return all(answers) if isinstance(op, ast.And) else any(answers)
        case ast.UnaryOp(operand=operand):
            return not _truth(operand, values)
        case ast.Compare(left=left, ops=ops, comparators=others):
            numbers = [_number(one, values) for one in (left, *others)]
            pairs = zip(ops, numbers, numbers[1:], strict=False)
            return all(_COMPARISONS[type(op)](one, other) for op, one, other in pairs)
    raise TypeError(f"{ast.dump(node)} was let through")


def _number(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as value):
            return _as_float(value)
        case ast.BinOp(left=left, op=op, right=right):
            return _finite(node, lambda: _OPERATIONS[type(op)](_number(left, values), _number(right, values)))
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGNS[type(sign)](_number(operand, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name][0](*(_number(argument, values) for argument in arguments))
    raise TypeError(f"{ast.dump(node)} was let through")


def _finite(node: ast.expr, work_out: Callable[[], float]) -> float:
    try:
        answer = work_out()
    except ZeroDivisionError:
        raise UndefinedError(f"`{_shown(node)}` divides by zero") from None
    if not math.isfinite(answer):
        raise UndefinedError(f"`{_shown(node)}` is too large a number")
    return answer
