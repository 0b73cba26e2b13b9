"""Lets a pass leave out what nobody reads: parts of the graph go into branches (ONNX `If`) that the
input `wanted` opens.

The nodes stay as they are, so that what is computed is the same, bit for bit; what is not is zero.
ONNX Runtime runs every node of a graph whatever outputs are fetched (`only_execute_path_to_fetches`
does nothing outside of its builds for training), but only one branch of an `If`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from models.build.levels import HEAD_CHANNELS, blocks

WANTED = "wanted"
PARTS: Mapping[str, tuple[str, ...]] = {
    "deep": ("head", "b14", "b15"),
    "middle": ("b2", "b4", "b7", "b10"),
    "subject": tuple(
        dict.fromkeys(
            name.partition(".")[0] for name, _, _ in blocks() if name.startswith("subject-")
        )
    ),
    "colour": ("colour",),
    "logits": (),
    "saliency": (),
}
"""What can be asked for, in the order of `wanted`, and the levels that each is."""
_SIDE = 28


def branch(source: Path, target: Path) -> None:
    """Write the graph of `source` with a further input, `wanted` bool [6], that says which PARTS
    are computed; by default all.
    """
    model = onnx.load(source)
    graph = model.graph
    _group(graph)
    flags = _flags(graph)
    salient = helper.make_node("Or", [flags["subject"], flags["colour"]], ["wanted_salient_levels"])
    graph.node.insert(len(PARTS), salient)
    graph.node.insert(
        len(PARTS) + 1,
        helper.make_node("Or", ["wanted_salient_levels", flags["saliency"]], ["wanted_salient"]),
    )
    outside = {output.name for output in graph.output}
    _isolate(
        graph,
        "wanted_salient",
        {"subject": [_width("subject")], "colour": [_width("colour")], "saliency": [_SIDE, _SIDE]},
        outside,
    )
    opened = next(node for node in graph.node if node.op_type == "If")
    inner = next(attribute.g for attribute in opened.attribute if attribute.name == "then_branch")
    for name in ("subject", "colour"):
        _isolate(
            inner,
            flags[name],
            {f"{name}_inside": [_width(name)]},
            {output.name for output in inner.output},
        )
    late = _width("deep") - 2 * HEAD_CHANNELS
    _isolate(graph, flags["deep"], {"head": [2 * HEAD_CHANNELS], "late": [late]}, outside)
    _isolate(graph, flags["middle"], {"middle": [_width("middle")]}, outside)
    _isolate(graph, flags["logits"], {"logits": [1000]}, outside)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def _width(part: str) -> int:
    return sum(
        stop - start for name, start, stop in blocks() if name.partition(".")[0] in PARTS[part]
    )


def _group(graph: GraphProto) -> None:
    """The last concatenation in two steps: every part by itself, then all."""
    last = next(node for node in graph.node if "levels" in node.output)
    names = [name.partition(".")[0] for name, _, _ in blocks()]
    groups: dict[str, list[str]] = {
        name: [] for name in ("head", "middle", "late", "subject", "colour")
    }
    group_of = {level: name for name, levels in PARTS.items() for level in levels}
    group_of |= dict.fromkeys(PARTS["deep"], "late") | {"head": "head"}
    for level, part in zip(names, last.input, strict=True):
        groups[group_of[level]].append(part)
    graph.node.remove(last)
    graph.node.extend(
        helper.make_node("Concat", parts, [name], name=f"/pool/{name}", axis=1)
        for name, parts in groups.items()
    )
    graph.node.append(
        helper.make_node("Concat", list(groups), ["levels"], name="/pool/levels", axis=1)
    )


def _flags(graph: GraphProto) -> dict[str, str]:
    """One flag of `wanted` for every part, computed first."""
    graph.input.append(helper.make_tensor_value_info(WANTED, TensorProto.BOOL, [len(PARTS)]))
    graph.initializer.append(numpy_helper.from_array(np.ones(len(PARTS), np.bool_), WANTED))
    flags = {name: f"wanted_{name}" for name in PARTS}
    for place, (name, flag) in enumerate(flags.items()):
        graph.initializer.append(
            numpy_helper.from_array(np.array([place], np.int64), f"place_{name}")
        )
        graph.node.insert(place, helper.make_node("Gather", [WANTED, f"place_{name}"], [flag]))
    return flags


def _isolate(
    graph: GraphProto, flag: str, outputs: Mapping[str, Sequence[int]], needed: Collection[str]
) -> None:
    """Moves what only `outputs` (name → sizes after the batch) need into a branch; `needed` are the
    outputs of `graph`.
    """
    inner = _only_for(graph, outputs, needed)
    kept = [node for node in graph.node if inner.isdisjoint(node.output)]
    moved = [node for node in graph.node if not inner.isdisjoint(node.output)]
    moved = _own_scales(kept, moved)
    read, read_inside = _read_by(kept), _read_by(moved)
    constants = [each for each in graph.initializer if each.name in read_inside - read]
    local = {name: f"{name}_inside" for name in outputs}
    _rename(moved, local)
    then = helper.make_graph(
        moved,
        f"{flag}_then",
        [],
        list(map(_value, local.values(), outputs.values())),
        constants,
    )
    merged = helper.make_node(
        "If",
        [flag],
        list(outputs),
        name=f"/{flag}",
        then_branch=then,
        else_branch=_zeros(flag, outputs),
    )
    for constant in constants:
        graph.initializer.remove(constant)
    del graph.node[:]
    first = _first_reader(kept, outputs)
    graph.node.extend([*kept[:first], merged, *kept[first:]])


def _first_reader(nodes: Sequence[NodeProto], names: Collection[str]) -> int:
    """Place of the first node that reads one of `names`; the end where none does."""
    readers = (place for place, node in enumerate(nodes) if not _reads(node).isdisjoint(names))
    return next(readers, len(nodes))


def _rename(nodes: Sequence[NodeProto], names: Mapping[str, str]) -> None:
    """Calls tensors by other names where `names` has one."""
    for node in nodes:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]


def _read_by(nodes: Sequence[NodeProto]) -> set[str]:
    """All names that any of the nodes reads."""
    return {name for node in nodes for name in _reads(node)}


def _reads(node: NodeProto) -> set[str]:
    """All names that a node reads, those of its branches included."""
    found = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            found |= {name for inner in attribute.g.node for name in _reads(inner)}
    return found


def _only_for(graph: GraphProto, outputs: Collection[str], needed: Collection[str]) -> set[str]:
    """Names of tensors that nothing but `outputs` needs."""
    produced = {name for node in graph.node for name in node.output}
    outside = (set(needed) - set(outputs)) | {name for name in produced if name.startswith(WANTED)}
    for node in reversed(graph.node):
        if outside.intersection(node.output):
            outside |= _reads(node) - set(outputs)
    return produced - outside


def _own_scales(kept: Sequence[NodeProto], moved: list[NodeProto]) -> list[NodeProto]:
    """With copies of the dequantisations, and their reshapings, that both sides read.

    Integer kernels are found only where the dequantisation lies in the same graph, and ONNX Runtime
    1.32 crashes when it pushes one down to where a branch begins.
    """
    outer = {
        node.output[0]: node for node in kept if node.op_type in ("DequantizeLinear", "Reshape")
    }
    copies: dict[str, NodeProto] = {}

    def own(name: str) -> str:
        if name not in outer:
            return name
        if name not in copies:
            copy = NodeProto()
            copy.CopyFrom(outer[name])
            copy.input[0] = own(copy.input[0])
            copy.name, copy.output[0] = f"{copy.name}/copy", f"{name}/copy"
            copies[name] = copy
        return copies[name].output[0]

    for node in moved:
        for place, name in enumerate(node.input):
            node.input[place] = own(name)
    return [*copies.values(), *moved]


def _value(name: str, sizes: Sequence[int]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sizes])


def _zeros(flag: str, outputs: Mapping[str, Sequence[int]]) -> GraphProto:
    """As many rows of zeros as there are images."""
    nodes = [helper.make_node("Shape", ["image"], [f"{flag}_rows"], start=0, end=1)]
    constants = []
    for name, sizes in outputs.items():
        constants.append(numpy_helper.from_array(np.array(sizes, np.int64), f"{flag}_{name}_sizes"))
        nodes.append(
            helper.make_node(
                "Concat", [f"{flag}_rows", constants[-1].name], [f"{flag}_{name}_shape"], axis=0
            )
        )
        nodes.append(
            helper.make_node("ConstantOfShape", [f"{flag}_{name}_shape"], [f"{flag}_{name}_zeros"])
        )
    values = [_value(f"{flag}_{name}_zeros", sizes) for name, sizes in outputs.items()]
    return helper.make_graph(nodes, f"{flag}_else", [], values, constants)
