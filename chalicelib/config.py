"""The numbers of a deployment, read once from the environment. Components are built in wiring.py,
not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Settings:
    """One frozen object. Field `x_y` comes from LOOKALIKE_X_Y; docs/SETTINGS.md lists them all."""

    region: str = "local"
    """The only region this deployment works in (AWS_REGION where LOOKALIKE_REGION is not set)."""
    store: str = ".lookalike/data"
    """`s3://bucket/prefix`, or a folder."""
    secrets: str = ".lookalike/keys.json"
    """`secretsmanager:NAME`, or an owner-only file."""
    uploads: str = ""
    """Where pictures in transit lie until they are used: `s3://bucket/prefix` (not versioned), a
    folder, or empty: in the store.
    """
    queue: str = ""
    """SQS queue URL for import slices; empty: worker processes on this machine."""
    public_hosts: str = ""
    """Host names clients use, comma-separated, where a proxy replaces the Host header."""
    capacity_records: int = 1_000_000
    """Records a collection may hold."""
    requests_per_second: int = 0
    """Per collection; 0: no limit."""
    cache_mb: int = 1024
    """MiB of opened segments kept in memory."""
    compact_log_objects: int = 256
    """Log objects from which an add or a schedule starts compaction."""
    grace_s: int = 86_400
    """Seconds that garbage and tombstones are kept; longer than any client's retry."""
    erase_after_days: int = 7
    """Days from a deletion until nothing of the record is left in the store; at least three times
    LOOKALIKE_GRACE_S. Versions of a versioned bucket live longer by what its lifecycle rule says.
    """
    fan_out_rows: int = 4_000_000
    """Rows from which a search is fanned out over functions; 0: never."""
    search_function: str = ""
    """Lambda function that searches one part of a fanned-out search; empty: threads of this
    process.
    """
    threads: int = 2
    """Threads of one model run."""
    strict_orientation: bool = False
    """Refuse pictures with EXIF rotation, as the original does, rather than turning them upright.
    """
    avif: bool = False
    """Accept AVIF pictures too, which the contract's list of formats does not have."""
    strict_replay: bool = False
    """Remember nonces in the store and refuse a request sent twice."""
    unsigned_bodies: bool = False
    """Accept the one old SDK mode whose signature does not cover the body (SIGNATURES §3)."""
    relevance_by_category: bool = False
    """Relevance of identical pictures by the reference's table, 5.37633353624177e+24 outside
    categories 0 to 2, instead of the FAQ's.
    """
    import_workers: int = 2
    """Worker processes of a local import."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from environment variables. Raises ValueError naming the variable and what it
        must be.
        """
        given: dict[str, object] = {}
        for field in fields(cls):
            name = f"LOOKALIKE_{field.name.upper()}"
            text = environment.get(name)
            if text is None and field.name == "region":
                text = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
            if text is not None:
                given[field.name] = _parse(name, text, type(field.default))
        # each value was parsed to its field's own type
        return cls(**given)  # type: ignore[arg-type]


def _parse(name: str, text: str, kind: type) -> object:
    """`text` as a value of `kind`. Raises ValueError naming the variable."""
    if kind is bool:
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.lower() not in words:
            raise ValueError(f"{name} is {text!r}; it must be true or false")
        return words[text.lower()]
    if kind is int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"{name} is {text!r}; it must be a whole number") from None
        if number < 0:
            raise ValueError(f"{name} is {number}; it must not be negative")
        return number
    return text
