"""`lookalike quality FOLDER`: how good search is on pictures with labels, through the real add and
search paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.categories import PRODUCT_CATEGORIES
from chalicelib.contract.messages import AddPicture, CreateCollection, SearchByPicture
from chalicelib.contract.values import MAX_COUNT, MAX_REACH, Page
from chalicelib.errors import BadPicture, InvalidField, MissingField
from chalicelib.service import Service
from cli.labels import Labelled, read_labels
from cli.local import open_deployment, read_picture, service_named
from cli.measures import Confusions, Ranked, Retrieval, retrieval
from cli.output import JSON, AsJson, emit, note, out, progress, row, show_under, table

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment
    from chalicelib.usecases.search import SearchResults

EXAMPLE = "Example: lookalike quality photos/ --type product --json"
COLLECTION = "quality"
MAX_MISSES = 20


@dataclass(frozen=True, slots=True)
class Miss:
    """A query whose first answer shows something else."""

    path: str
    same: str
    taken_for: str
    score: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured."""

    service: Service
    gallery: int
    splits: dict[str, Retrieval]
    confusions: Confusions
    misses: tuple[Miss, ...]
    """The surest mistakes first."""
    refused: tuple[tuple[str, str], ...]
    """(path, reason) of pictures that were not accepted."""


def quality(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with a labels.csv: path, split, label, category, instance.",
            show_default=False,
        ),
    ],
    type_: Annotated[
        str,
        typer.Option("--type", help="Kind of collection: product, generic, fabric or trademark."),
    ] = "product",
    as_json: AsJson = False,
) -> None:
    """Measure search on a labelled folder: R@1, R@5 and mAP per query split, and category accuracy.

    The gallery is added to a collection in memory, by the same code as any other, and each query
    searches it; nothing is left behind.
    """
    report = evaluate(folder, service_named(type_), open_deployment(), quiet=as_json)
    measured = bool(report.splits) or report.confusions.accuracy is not None
    if as_json and measured:
        emit(_value(report))
    elif not as_json:
        _show(report)
    # With --json it is all that is printed: one document, always.
    if not measured:
        raise MissingField(
            "labels",
            "labels.csv has neither queries with an instance or label nor categories;"
            " there is nothing to measure",
        )


def evaluate(folder: Path, service: Service, deployment: Deployment, *, quiet: bool) -> Report:
    """Adds the gallery and searches with the queries. Raises MissingField, InvalidField,
    StorageError.
    """
    from chalicelib.usecases.manage import create_collection

    rows = read_labels(folder)
    if not rows:
        raise InvalidField("labels", f"{folder}/labels.csv has no rows")
    private = in_memory(deployment)
    create_collection(CreateCollection(COLLECTION, service), private)
    run = _Run(folder, service, private)
    gallery = [row for row in rows if row.is_gallery]
    queries = [row for row in rows if row.is_query]
    with progress("Measuring", len(gallery) + len(queries), quiet=quiet) as bar:
        for done in run.work(gallery, queries):
            bar.update(bar.task_ids[0], completed=done)
    splits = {split: retrieval(answers) for split, answers in sorted(run.answers.items())}
    misses = tuple(sorted(run.misses, key=lambda miss: -miss.score)[:MAX_MISSES])
    return Report(
        service, len(gallery), splits, Confusions(run.categories), misses, tuple(run.refused)
    )


def in_memory(deployment: Deployment) -> Deployment:
    """The same models and settings, over a store that ends with this process."""
    from chalicelib.index.catalog import Catalog
    from chalicelib.storage.memory import MemoryStore

    store = MemoryStore()
    return replace(
        deployment,
        store=store,
        catalog=Catalog(store, clock=deployment.clock, new_id=deployment.new_id),
    )


class _Run:
    """Goes through the pictures, collecting what they show of search."""

    def __init__(self, folder: Path, service: Service, deployment: Deployment) -> None:
        self._folder, self._service, self._deployment = folder, service, deployment
        self._sizes: Counter[str] = Counter()
        self.answers: dict[str, list[Ranked]] = {}
        self.categories: Counter[tuple[int, int]] = Counter()
        self.misses: list[Miss] = []
        self.refused: list[tuple[str, str]] = []

    def work(self, gallery: Sequence[Labelled], queries: Sequence[Labelled]) -> Iterator[int]:
        """Adds, then searches; yields how many are done."""
        done = 0
        for labelled, each in ((gallery, self._add), (queries, self._search)):
            for one in labelled:
                try:
                    each(one)
                except (BadPicture, MissingField, InvalidField) as error:
                    self.refused.append((one.path, str(error)))
                done += 1
                yield done

    def _add(self, one: Labelled) -> None:
        """Adds a picture of the gallery: its product is what shows the same. Raises BadPicture."""
        from chalicelib.usecases.add import add_picture

        message = AddPicture(
            COLLECTION, one.same or one.path, one.path, read_picture(str(self._folder / one.path))
        )
        added = add_picture(message, self._deployment)
        if one.same:
            self._sizes[one.same] += 1
        self._sorted(one, added.category_id)

    def _sorted(self, one: Labelled, predicted: int) -> None:
        if one.category is not None and self._service.has_categories:
            self.categories[one.category, predicted] += 1

    def _first_page(self, one: Labelled, found: SearchResults) -> None:
        """Notes the category predicted, and a best match that shows something else."""
        self._sorted(one, found.category_id)
        best = found.matches[0] if one.same and found.matches else None
        if best is not None and best.row.key.product_id != one.same:
            self.misses.append(Miss(one.path, one.same, best.row.key.product_id, best.score))

    def _search(self, one: Labelled) -> None:
        """Searches with a query and notes which answers, in their order, show the same. Raises
        BadPicture.
        """
        from chalicelib.usecases.search import search_by_picture

        picture = read_picture(str(self._folder / one.path))
        right: list[bool] = []
        # Page by page until every relative was seen or nothing is left: mAP counts all of them.
        for start in range(0, MAX_REACH, MAX_COUNT):
            found = search_by_picture(
                SearchByPicture(COLLECTION, picture, page=Page(MAX_COUNT, start)), self._deployment
            )
            if start == 0:
                self._first_page(one, found)
            right += [match.row.key.product_id == one.same for match in found.matches]
            if len(found.matches) < MAX_COUNT or sum(right) >= self._sizes[one.same]:
                break
        if one.same and self._sizes:
            self.answers.setdefault(one.split, []).append(
                Ranked(tuple(right), self._sizes[one.same])
            )


def _value(report: Report) -> dict[str, JSON]:
    """For --json."""
    accuracy = report.confusions.accuracy
    return {
        "type": report.service.name.lower(),
        "gallery": report.gallery,
        "splits": {
            name: {"queries": split.queries, "r1": split.r1, "r5": split.r5, "map": split.map}
            for name, split in report.splits.items()
        },
        "category_accuracy": accuracy,
        "confusion": [
            {"given": given, "predicted": predicted, "count": count}
            for (given, predicted), count in sorted(report.confusions.pairs.items())
        ],
        "misses": [
            {"path": miss.path, "is": miss.same, "taken_for": miss.taken_for, "score": miss.score}
            for miss in report.misses
        ],
        "refused": [{"path": path, "message": message} for path, message in report.refused],
    }


def _show(report: Report) -> None:
    """For people: what was measured, then what went wrong."""
    if report.splits:
        made = table("Split", "Queries#", "R@1#", "R@5#", "mAP#")
        for name, split in report.splits.items():
            row(
                made,
                name,
                f"{split.queries:,}",
                f"{split.r1:.1%}",
                f"{split.r5:.1%}",
                f"{split.map:.1%}",
            )
        show_under(
            f"{report.gallery:,} pictures in a {report.service.name.lower()} collection", made
        )
    accuracy = report.confusions.accuracy
    if accuracy is not None:
        out.print(f"\nCategory right: {accuracy:.1%} of {report.confusions.pairs.total():,}")
        out.print(_confusion_table(report.confusions))
    if report.misses:
        made = table("Query", "Is", "Taken for", "Score#")
        for miss in report.misses:
            row(made, miss.path, miss.same, miss.taken_for, f"{miss.score:.4f}")
        out.print()
        show_under("Surest mistakes", made)
    for path, message in report.refused:
        note("left out", f"{path}: {message}")


def _confusion_table(confusions: Confusions) -> object:
    """Rows are given, columns predicted."""
    categories = confusions.categories()
    names = {category: PRODUCT_CATEGORIES.get(category, str(category)) for category in categories}
    made = table("Given", *(f"{names[category]}#" for category in categories))
    for given in categories:
        counts = [confusions.pairs[given, predicted] for predicted in categories]
        if any(counts):
            row(made, names[given], *(count or "·" for count in counts))
    return made
