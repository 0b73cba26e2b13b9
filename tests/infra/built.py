"""The deployment's template as `make package` makes it, but without downloading a single
dependency.
"""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tools.package import ROOT, Order, copy_project
from tools.template import rewrite


@lru_cache(maxsize=1)
def merged() -> dict[str, Any]:
    """Chalice's template with infra/template.yaml merged in."""
    with TemporaryDirectory() as folder:
        stage = Path(folder) / "stage"
        copy_project(stage, Order())
        (stage / "requirements.txt").write_text("")
        command = [
            str(Path(sys.executable).with_name("chalice")),
            "package",
            "--stage",
            "prod",
            "--template-format",
            "yaml",
        ]
        subprocess.run(
            [*command, "--merge-template", str(ROOT / "infra/template.yaml"), str(stage / "out")],
            cwd=stage,
            env={
                "PATH": "/usr/bin:/bin",
                "AWS_DEFAULT_REGION": "us-east-1",
                "HOME": folder,
                "PYTHONWARNINGS": "ignore",
            },
            check=True,
            capture_output=True,
        )
        template: dict[str, Any] = yaml.safe_load((stage / "out/sam.yaml").read_text())
        return template


@lru_cache(maxsize=2)
def template(*, snapstart: bool = False) -> dict[str, Any]:
    """What is deployed."""
    return rewrite(merged(), snapstart=snapstart)
