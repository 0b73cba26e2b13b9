from __future__ import annotations

import ast
import gzip
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.session import Session
from botocore.stub import Stubber

from tools import botodata, elf
from tools.size import BUDGET, LIMIT, check, weights
from tools.trim import DROPPED, files, kept, trim

ROOT = Path(__file__).parents[2]


def a_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "numpy/tests/test_a.py",
        "models/build/train.py",
        "numpy/_core/_simd.cpython-312-x86_64-linux-gnu.so",
        "onnxruntime/quantization/quantize.py",
        "boto3/__init__.py",
        "boto3-1.44.8.dist-info/METADATA",
        "PIL/ImageTk.py",
        "chalicelib/__pycache__/errors.cpython-311.pyc",
        "pillow.libs/libharfbuzz-fb49c9fc.so.0.61450.0",
    ],
)
def test_what_nobody_needs_stays_behind(name: str) -> None:
    assert not kept(name)


@pytest.mark.parametrize(
    "name",
    [
        "app.py",
        "chalicelib/gateway/console/static/app.js",
        "models/lite0.onnx",
        "numpy/_core/_multiarray_umath.cpython-312-x86_64-linux-gnu.so",
        "numpy/testing/__init__.py",
        "numkong.libs/libgomp-6a29c32d.so.1.0.0",
        "onnxruntime/capi/libonnxruntime_providers_shared.so",
        "PIL/_webp.cpython-312-x86_64-linux-gnu.so",
        "pillow.libs/libwebp-51b0b3f7.so.7.2.0",
        "numpy-2.4.6.dist-info/licenses/LICENSE.txt",
    ],
)
def test_what_is_needed_stays(name: str) -> None:
    assert kept(name)


def test_every_rule_has_a_reason() -> None:
    assert all(len(reason) > 4 for reason in DROPPED.values())


def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    members = {
        "app.py": b"X = frozenset({'a', 'b', 'c'})\n",
        "pkg/tests/x.py": b"",
        "pkg/data.bin": bytes(range(256)),
    }
    first = a_zip(tmp_path / "one.zip", members)
    second = a_zip(tmp_path / "two.zip", dict(reversed(members.items())))
    trim(first, tmp_path / "a.zip")
    trim(second, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
    assert [name for name in names if "__pycache__" in name], (
        "no byte code: every cold start would compile"
    )
    assert "pkg/data.bin" in names
    assert "pkg/tests/x.py" not in names


def test_byte_code_is_used_without_a_look_at_the_source(tmp_path: Path) -> None:
    trim(a_zip(tmp_path / "in.zip", {"app.py": b"X = 1\n"}), tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".pyc"))
        flags = int.from_bytes(archive.read(name)[4:8], "little")
    assert flags == 0b01, "PEP 552: hash-based, unchecked"


def test_dropping_what_another_library_loads_is_refused(tmp_path: Path) -> None:
    members = {"PIL/_imaging.so": b"\0libharfbuzz-1.so.0\0", "pillow.libs/libharfbuzz-1.so.0": b"x"}
    with pytest.raises(SystemExit, match=r"PIL/_imaging\.so needs libharfbuzz-1\.so\.0"):
        trim(a_zip(tmp_path / "in.zip", members), tmp_path / "out.zip")


def folder_of(module: str) -> Path:
    """Where a library lies; without importing it, since usearch before onnxruntime crashes the
    process.
    """
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def shared_libraries() -> list[Path]:
    found = [
        path
        for module in ("numkong", "usearch", "numpy")
        for path in folder_of(module).rglob("*.so")
    ]
    return [path for path in found if path.stat().st_size > 500_000]


def test_reduced_libraries_hold_every_loaded_byte_at_the_same_address() -> None:
    checked = 0
    for path in shared_libraries():
        data = path.read_bytes()
        reduced = elf.loaded_only(data)
        assert len(reduced) <= len(data)
        before, after = elf.segments(data), elf.segments(reduced)
        table = range(
            int.from_bytes(data[32:40], "little"),
            int.from_bytes(data[32:40], "little") + 56 * len(before),
        )
        for old, new in zip(before, after, strict=True):
            assert (old.kind, old.flags, old.address, old.size, old.memory, old.align) == (
                new.kind,
                new.flags,
                new.address,
                new.size,
                new.memory,
                new.align,
            )
            if old.kind == 1:
                assert new.offset % new.align == new.address % new.align
                old_bytes, new_bytes = (
                    bytearray(data[old.offset : old.end]),
                    bytearray(reduced[new.offset : new.end]),
                )
                for held in (
                    old_bytes,
                    new_bytes,
                ):  # the header and the program headers say where things lie, so they differ
                    if old.offset == 0:
                        held[:64] = bytes(64)
                    if old.offset <= table.start < old.end:
                        held[table.start - old.offset : table.stop - old.offset] = bytes(len(table))
                assert old_bytes == new_bytes
        checked += 1
    assert checked >= 3


def test_a_reduced_library_still_works(tmp_path: Path) -> None:
    source = next(folder_of("numkong").glob("_numkong*.so"))
    target = tmp_path / source.name
    target.write_bytes(elf.loaded_only(source.read_bytes()))
    assert target.stat().st_size < source.stat().st_size / 2
    libraries = source.parent.parent / "numkong.libs"
    if libraries.exists():  # its RPATH is relative
        (tmp_path.parent / "numkong.libs").symlink_to(libraries)
    code = f"""
import importlib.util, numpy
spec = importlib.util.spec_from_file_location("_numkong", {str(target)!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
x = numpy.arange(64, dtype=numpy.float32)
assert abs(float(module.dot(x, x)) - float((x * x).sum())) < 1, "wrong answer"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_that_is_no_library_is_refused_not_mangled() -> None:
    assert not elf.is_elf(b"\x7fELF\x01\x01" + bytes(100))
    assert not elf.is_elf(b"#!/bin/sh")


def model() -> dict[str, Any]:
    return {
        "documentation": "prose",
        "operations": {
            "Get": {"input": {"shape": "GetRequest"}, "documentation": "prose"},
            "Unused": {"input": {"shape": "UnusedRequest"}},
        },
        "shapes": {
            "GetRequest": {
                "type": "structure",
                "members": {"documentation": {"shape": "Text", "documentation": "prose"}},
            },
            "Text": {"type": "string"},
            "UnusedRequest": {"type": "structure", "members": {"x": {"shape": "Big"}}},
            "Big": {"type": "blob"},
        },
    }


def test_a_service_keeps_the_shapes_its_operations_reach() -> None:
    assert botodata.needed_shapes(model(), {"Get"}) == {"GetRequest", "Text"}


CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "s3": ("list_objects_v2", {"IsTruncated": False}, {"Bucket": "b", "Prefix": "p"}),
    "sqs": ("send_message", {"MessageId": "1"}, {"QueueUrl": "https://q/1/x", "MessageBody": "x"}),
    "sts": ("get_caller_identity", {"Arn": "arn:aws:iam::123456789012:user/x"}, {}),
    "secretsmanager": ("get_secret_value", {"SecretString": "{}"}, {"SecretId": "x"}),
    "lambda": ("invoke", {"StatusCode": 200}, {"FunctionName": "f", "Payload": b"{}"}),
}


def test_pruned_data_is_a_fraction_and_botocore_still_builds_its_clients(tmp_path: Path) -> None:
    source = folder_of("botocore") / "data"
    target = tmp_path / "data"
    target.mkdir()
    for name in (*botodata.USED, "ec2"):
        shutil.copytree(source / name, target / name)
    for file in source.glob("*.json"):
        shutil.copy(file, target)
    botodata.prune(target)
    assert not (target / "ec2").exists()
    assert sum(path.stat().st_size for path in files(target)) < 1_000_000
    session = Session()
    session.register_component(
        "data_loader", Loader(extra_search_paths=[str(target)], include_default_search_paths=False)
    )
    for service, operations in botodata.USED.items():
        client = session.create_client(
            service, "eu-central-1", aws_access_key_id="x", aws_secret_access_key="y"
        )
        assert set(client.meta.method_to_api_mapping.values()) == operations
        with Stubber(client) as stub:  # a call goes through everything but the network
            stub.add_response(*CALLS[service][:2])
            getattr(client, CALLS[service][0])(**CALLS[service][2])


def all_operations(service: str) -> set[str]:
    """Of botocore's newest model of the service."""
    newest = max((folder_of("botocore") / "data" / service).iterdir())
    (file,) = newest.glob("service-2.json*")
    data = file.read_bytes()
    content = json.loads(gzip.decompress(data) if file.suffix == ".gz" else data)
    return set(content["operations"])


def test_the_code_calls_no_operation_that_is_cut_away() -> None:
    names: dict[str, set[str]] = {}
    for service, operations in botodata.USED.items():
        known = all_operations(service)
        for operation in known:
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
            names.setdefault(snake, set()).add(operation)
        assert operations <= known
    kept = frozenset().union(*botodata.USED.values())
    called = set()
    for path in [*(ROOT / "chalicelib/storage").rglob("*.py"), ROOT / "chalicelib/wiring.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and "_" in node.func.attr
            ):
                called |= names.get(node.func.attr, set())
    assert called, "no call was recognised"
    assert called <= kept, "add these to USED in tools/botodata.py"


def test_the_table_of_sizes_fails_over_the_budget_and_for_a_missing_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = a_zip(
        tmp_path / "p.zip",
        {
            "app.py": b"1",
            "numpy/a.so": bytes(1000),
            "numpy.libs/b.so": bytes(500),
            "PIL/c.so": bytes(10),
        },
    )
    assert [(row.part, row.unzipped) for row in weights(archive)] == [
        ("numpy", 1500),
        ("pillow", 10),
        ("app", 1),
    ]
    with pytest.raises(SystemExit, match=r"lacks .*onnxruntime"):
        check(archive)
    assert "numpy" in capsys.readouterr().out
    assert BUDGET < LIMIT
