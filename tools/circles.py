"""Modules that import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping


def circles(trees: Mapping[str, ast.Module]) -> list[list[str]]:
    """Groups of files that reach each other by imports, wherever in the file they stand; from
    paths and their syntax. Each group is sorted.
    """
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in trees
    }
    arrows = {path: set(_imported(tree, modules)) - {path} for path, tree in trees.items()}
    reached = {path: _reached(path, arrows) for path in arrows}
    groups = {
        tuple(sorted(other for other in reached[path] if path in reached[other]))
        for path in arrows
        if path in reached[path]
    }
    return sorted(list(group) for group in groups)


def _imported(tree: ast.Module, modules: Mapping[str, str]) -> Iterator[str]:
    """The files of ours that `tree` imports. `from a import b` means a/b.py where there is one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                name = prefix + alias.name
                name = name if name in modules else prefix.removesuffix(".")
                if name in modules:
                    yield modules[name]


def _reached(start: str, arrows: Mapping[str, set[str]]) -> set[str]:
    """What `start` leads to in one step or more."""
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += arrows[path]
    return seen
