"""Reads a YAML file of fault rules, and names each mistake by its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from . import validation
from .rules import Rule
from .validation import RuleError


def load(file: Path) -> list[Rule]:
    """The rules of a file: a list, or a mapping with the list `rules` and, for all of them, a `seed`.

    Raises RuleError with a line `FILE:LINE: what is wrong` for each mistake.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise RuleError([f"{file}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise RuleError([f"{file}: it is not a text in UTF-8"]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RuleError([f"{file}:{line}: it is not YAML: {error.problem}"]) from error
    except yaml.YAMLError as error:
        raise RuleError([f"{file}: it is not YAML: {' '.join(str(error).split())}"]) from error
    reader = _Reader(file)
    found = reader.read(root)
    if reader.wrong:
        raise RuleError(reader.wrong)
    return found


class _Reader:
    """Goes through a file's nodes, which know their lines, and notes what is wrong."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.wrong: list[str] = []

    def _mistake(self, node: yaml.Node | None, text: str) -> None:
        where = "" if node is None else f":{node.start_mark.line + 1}"
        self.wrong.append(f"{self._file}{where}: {text}")

    def read(self, root: yaml.Node | None) -> list[Rule]:
        seed, listed = 0, root
        if isinstance(root, yaml.MappingNode):
            entries = self._entries(root)
            for key in entries.keys() - {"rules", "seed"}:
                self._mistake(entries[key][0], f"unknown key '{key}': rules, seed")
            listed = entries["rules"][1] if "rules" in entries else None
            seed = self._seed(entries)
        if not isinstance(listed, yaml.SequenceNode):
            self._mistake(listed or root, "there is no list of rules")
            return []
        return self._rules(listed, seed)

    def _seed(self, entries: dict[str, tuple[yaml.Node, yaml.Node]]) -> int:
        if "seed" not in entries:
            return 0
        node = entries["seed"][1]
        value = self._value(node)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._mistake(node, f"seed: {value!r} is not a whole number from 0 on")
        return 0

    def _rules(self, listed: yaml.SequenceNode, seed: int) -> list[Rule]:
        found: dict[str, Rule] = {}
        for number, node in enumerate(listed.value, start=1):
            if not isinstance(node, yaml.MappingNode):
                self._mistake(node, "a rule is a mapping of keys to values")
                continue
            rule = self._rule(node, number, seed)
            if rule is None:
                continue
            if rule.name in found:
                self._mistake(node, f"name: there is a rule '{rule.name}' already")
            found[rule.name] = rule
        return list(found.values())

    def _rule(self, node: yaml.MappingNode, number: int, seed: int) -> Rule | None:
        entries = self._entries(node)
        given = {key: self._value(value) for key, (_, value) in entries.items()}
        before = len(self.wrong)
        for key, text in validation.mistakes(given):
            self._mistake(node if key is None else entries[key][0], text)
        if len(self.wrong) > before:
            return None
        return validation.read(given, name=f"rule-{number}", seed=seed)

    def _entries(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        entries: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in entries:
                self._mistake(key, f"the key '{name}' is there twice")
            entries[name] = (key, value)
        return entries

    def _value(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            self._mistake(node, f"it cannot be read: {getattr(error, 'problem', None) or error}")
            return None
        finally:
            loader.dispose()
