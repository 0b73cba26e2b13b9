"""The bill of materials of a package, as CycloneDX 1.6 JSON (cyclonedx.org): what is in the zip, in
which version, under which licence.

    python -m tools.sbom RAW.zip DEPLOYMENT.zip OUT.cdx.json

Read off the zip itself, so it cannot say anything else; RAW.zip is the one before trimming, which
still holds the bills that wheels bring of the C libraries in them. No clock: the same zip gives the
same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final

import models
from chalicelib import __version__

SPDX: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",  # python-dateutil, by its LICENSE
}
"""What packages of before PEP 639 call their licence → its SPDX expression."""
ACCEPTED: Final = frozenset(
    [
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "MIT",
        "MIT-CMU",
        "MPL-2.0",
        "Zlib",
    ]
)
"""Licences that were read and fit beside Apache-2.0 in one package; MPL-2.0 goes by files, and
tqdm's are shipped as they are.
"""
_SERIAL: Final = uuid.UUID("6c8a4f0e-5a1e-4f5c-9d0b-1f6f0d9a2b51")
"""The namespace of the bills' numbers; chosen once."""

Component = dict[str, Any]


def bill(raw: Path, package: Path) -> dict[str, Any]:
    """The document for the zip `package`. Raises SystemExit for a licence that has no name."""
    sha256 = hashlib.sha256(package.read_bytes()).hexdigest()
    with zipfile.ZipFile(package) as archive:
        libraries = [_library(archive, name) for name in _metadata(archive)]
        libraries += _chalice(archive, {library["name"] for library in libraries})
    within = _bundled(raw, {library["bom-ref"] for library in libraries})
    for library in libraries:
        if inside := within.get(library["bom-ref"]):
            library["components"] = inside
    parts = [*libraries, *_networks()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SERIAL, sha256)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "lookalike",
                "name": "lookalike",
                "version": __version__,
                "licenses": [{"expression": "Apache-2.0"}],
                "hashes": [{"alg": "SHA-256", "content": sha256}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": "lookalike", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def _metadata(archive: zipfile.ZipFile) -> list[str]:
    """The members that describe the libraries in the zip, in order."""
    return sorted(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))


def _library(archive: zipfile.ZipFile, name: str) -> Component:
    """A library, as its own metadata describe it."""
    told = HeaderParser().parsestr(archive.read(name).decode())
    project = re.sub(r"[-_.]+", "-", told["Name"]).lower()
    reference = f"pkg:pypi/{project}@{told['Version']}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": project,
        "version": told["Version"],
        "purl": reference,
        "licenses": [{"expression": licence(told["License-Expression"] or told["License"] or "")}],
    }


def _chalice(archive: zipfile.ZipFile, known: set[str]) -> Iterator[Component]:
    """Chalice packs its own runtime part without metadata; its code says its version."""
    name = "chalice/app.py"
    if "chalice" not in known and name in archive.namelist():
        told = re.search(r"(?m)^__version__[^'\"\n]*['\"]([^'\"]+)", archive.read(name).decode())
        if told is None:
            raise SystemExit(f"{name} says no version; see tools/sbom.py")
        reference = f"pkg:pypi/chalice@{told[1]}"
        yield {
            "type": "library",
            "bom-ref": reference,
            "name": "chalice",
            "version": told[1],
            "purl": reference,
            "licenses": [{"expression": "Apache-2.0"}],
        }


def licence(said: str) -> str:
    """The SPDX expression of what a package says. Raises SystemExit for what none is known of:
    nothing ships under a licence that nobody read.
    """
    expression = SPDX.get(said.strip(), said.strip())
    if not ACCEPTED.issuperset(re.split(r" (?:AND|OR) ", expression)):
        raise SystemExit(f"read the licence {said[:60]!r}, and name it in tools/sbom.py")
    return expression


def _bundled(raw: Path, shipped: set[str]) -> dict[str, list[Component]]:
    """Library → the C libraries in its wheel, where the wheel has a bill of its own (PEP 770)."""
    found: dict[str, dict[str, Component]] = {}
    with zipfile.ZipFile(raw) as archive:
        for name in sorted(archive.namelist()):
            if match := re.match(r"([^/]+)-([^-/]+)\.dist-info/sboms/[^/]+\.json$", name):
                owner = f"pkg:pypi/{re.sub(r'[-_.]+', '-', match[1]).lower()}@{match[2]}"
                document = json.loads(archive.read(name))
                for component in _others(document, match[1]) if owner in shipped else ():
                    found.setdefault(owner, {})[component["bom-ref"]] = component
    return {owner: [parts[key] for key in sorted(parts)] for owner, parts in found.items()}


def _others(document: dict[str, Any], owner: str) -> Iterator[Component]:
    """The components of a wheel's own bill but for the wheel, with what matters of them."""
    for component in document.get("components", ()):
        if component["name"].lower() != owner.lower():
            kept = ("type", "name", "version", "purl", "licenses")
            reference = f"{owner}/{component['name']}@{component.get('version', '')}"
            yield {
                "bom-ref": reference,
                **{name: component[name] for name in kept if name in component},
            }


def _networks() -> Iterator[Component]:
    """The shipped models, as their card describes them."""
    for file in models.card().files.values():
        yield {
            "type": "machine-learning-model",
            "bom-ref": file.name,
            "name": file.name,
            "description": file.source,
            "licenses": [{"license": {"name": file.licence}}],
            "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        }


def write(raw: Path, package: Path, target: Path) -> None:
    """Writes the bill beside the package."""
    document = json.dumps(bill(raw, package), indent=1, ensure_ascii=False)
    target.write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:4]))
