from collections import Counter

import pytest

from cli.measures import Confusions, Ranked, average_precision, retrieval


def test_average_precision_of_a_worked_example() -> None:
    # right at ranks 1 and 3 of three relevant: (1/1 + 2/3 + 0) / 3
    assert average_precision(Ranked((True, False, True), 3)) == pytest.approx((1 + 2 / 3) / 3)


def test_a_query_without_relevant_records_counts_as_zero() -> None:
    assert average_precision(Ranked((False, False), 0)) == 0.0


def test_recall_counts_queries_with_a_right_answer_near_the_top() -> None:
    first = Ranked((True, False, False), 1)
    fifth = Ranked((False, False, False, False, True), 1)
    sixth = Ranked((False,) * 5 + (True,), 1)
    measured = retrieval([first, fifth, sixth])
    assert measured.queries == 3
    assert measured.r1 == pytest.approx(1 / 3)
    assert measured.r5 == pytest.approx(2 / 3)
    assert measured.map == pytest.approx((1 + 1 / 5 + 1 / 6) / 3)


def test_no_queries_measure_nothing() -> None:
    with pytest.raises(ValueError, match="no queries"):
        retrieval([])


def test_accuracy_is_the_diagonal_of_the_confusions() -> None:
    confusions = Confusions(Counter({(0, 0): 3, (0, 4): 1, (4, 4): 4}))
    assert confusions.accuracy == pytest.approx(7 / 8)
    assert confusions.categories() == [0, 4]
    assert Confusions(Counter()).accuracy is None
