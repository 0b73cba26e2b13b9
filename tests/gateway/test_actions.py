"""Every action of 2020-12-14, from a signed request to its answer, held to the schemas of
/openapi.json.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from chalicelib.contract.categories import PRODUCT_CATEGORIES
from chalicelib.gateway.actions.declaration import V2020
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.index.format.records import Key, Put
from tests.gateway.client import Client, b64, picture

IDENTICAL = "7.33136443711219e+24;0"


def shaped(action: str, answer: object) -> None:
    jsonschema.validate(answer, ACTIONS.of(V2020)[action].schema)


def search(client: Client, data: bytes, **params: object) -> dict[str, Any]:
    answer = client.ok(
        "SearchImageByPic", {"InstanceName": "product", "PicContent": b64(data), **params}
    )
    shaped("SearchImageByPic", answer)
    return answer


def names(answer: dict[str, object]) -> list[str]:
    auctions = answer["Auctions"]
    assert isinstance(auctions, list)
    return [row["PicName"] for row in auctions]


def test_an_added_picture_is_found_first_and_identical(client: Client) -> None:
    added = client.add(
        "product",
        "p1",
        "a.png",
        picture(1),
        CustomContent='{"名":"值 é"}',
        IntAttr=5,
        StrAttr2="x",
        IntAttr4=-7,
    )
    shaped("AddImage", added)
    for seed in range(2, 6):
        client.add("product", f"p{seed}", "a.png", picture(seed))
    answer = search(client, picture(1))
    first = answer["Auctions"][0]
    assert first == {
        "ProductId": "p1",
        "PicName": "a.png",
        "CategoryId": 0,
        "CustomContent": '{"名":"值 é"}',
        "IntAttr": 5,
        "IntAttr4": -7,
        "StrAttr2": "x",
        "Score": 1.0,
        "SortExprValues": IDENTICAL,
    }
    assert answer["Head"] == {"DocsFound": 5, "DocsReturn": 5, "SearchTime": 0}
    relevances = [float(row["SortExprValues"].split(";")[0]) for row in answer["Auctions"]]
    assert relevances == sorted(relevances, reverse=True)
    assert len(set(relevances)) == 5


def test_adding_again_replaces(client: Client) -> None:
    client.add("product", "p", "a.png", picture(1), IntAttr=1)
    client.add("product", "p", "a.png", picture(2), StrAttr="new")
    answer = client.ok(
        "CheckImageExists", {"InstanceName": "product", "ProductId": "p", "PicName": "a.png"}
    )
    shaped("CheckImageExists", answer)
    assert answer["Auctions"] == {
        "ProductId": "p",
        "PicName": "a.png",
        "CategoryId": 0,
        "StrAttr": "new",
    }
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 1


def test_paging_threshold_distinct_and_filter(client: Client) -> None:
    for seed in range(6):
        client.add(
            "product",
            f"p{seed % 2}",
            f"{seed}.png",
            picture(seed),
            IntAttr=seed,
            StrAttr="even" if seed % 2 == 0 else "odd",
        )
    everything = names(search(client, picture(3)))
    assert everything[0] == "3.png"
    assert names(search(client, picture(3), Num=2)) == everything[:2]
    assert names(search(client, picture(3), Num=2, Start=1)) == everything[1:3]
    assert names(search(client, picture(3), Start=400)) == []
    assert names(search(client, picture(3), ScoreThreshold="0.99")) == ["3.png"]
    distinct = search(client, picture(3), DistinctProductId="True")
    assert [row["ProductId"] for row in distinct["Auctions"]] == ["p1", "p0"]
    assert distinct["Head"]["DocsFound"] == 2
    filtered = search(client, picture(3), Filter='int_attr>=2 AND str_attr="even"')
    assert set(names(filtered)) == {"2.png", "4.png"}
    assert filtered["Head"]["DocsFound"] == 2


def test_search_by_name_starts_with_the_picture_itself(client: Client) -> None:
    for seed in range(4):
        client.add("product", "p", f"{seed}.png", picture(seed))
    answer = client.ok(
        "SearchImageByName", {"InstanceName": "product", "ProductId": "p", "PicName": "2.png"}
    )
    shaped("SearchImageByName", answer)
    assert answer["Auctions"][0]["PicName"] == "2.png"
    assert answer["Auctions"][0]["SortExprValues"] == IDENTICAL
    assert answer["PicInfo"]["Region"] == "0,120,0,110"


def test_search_by_filter_lists_by_key_without_scores(client: Client) -> None:
    for seed in (3, 1, 2):
        client.add("product", f"p{seed}", "a.png", picture(seed), IntAttr=seed)
    answer = client.ok("SearchImageByFilter", {"InstanceName": "product", "Filter": "int_attr > 1"})
    shaped("SearchImageByFilter", answer)
    assert [row["ProductId"] for row in answer["Auctions"]] == ["p2", "p3"]
    page = client.ok(
        "SearchImageByFilter",
        {"InstanceName": "product", "Filter": "int_attr>0", "Num": 1, "Start": 1},
    )
    assert [row["ProductId"] for row in page["Auctions"]] == ["p2"]


def test_an_absent_picture_does_not_exist_and_has_no_row(client: Client) -> None:
    answer = client.ok(
        "CheckImageExists", {"InstanceName": "product", "ProductId": "p", "PicName": "none"}
    )
    shaped("CheckImageExists", answer)
    assert answer["Exists"] is False
    assert "Auctions" not in answer


def test_update_changes_what_is_sent_and_keeps_the_rest(client: Client) -> None:
    client.add("product", "p", "a.png", picture(1), IntAttr=1, StrAttr="keep", CustomContent="old")
    client.add("product", "p", "b.png", picture(2), IntAttr=1)
    named = {"InstanceName": "product", "ProductId": "p", "PicName": "a.png"}
    shaped(
        "UpdateImage",
        client.ok(
            "UpdateImage",
            {**named, "IntAttr": 777, "IntAttr3": 3, "StrAttr3": "third", "CustomContent": ""},
        ),
    )
    row = client.ok("CheckImageExists", named)["Auctions"]
    assert (
        row["IntAttr"],
        row["IntAttr3"],
        row["StrAttr3"],
        row["StrAttr"],
        row["CustomContent"],
    ) == (777, 3, "third", "keep", "")
    client.ok("UpdateImage", {"InstanceName": "product", "ProductId": "p", "IntAttr2": 2})
    assert (
        len(
            client.ok("SearchImageByFilter", {"InstanceName": "product", "Filter": "int_attr2=2"})[
                "Auctions"
            ]
        )
        == 2
    )


def test_delete_one_all_of_a_product_what_matches_and_what_is_not_there(client: Client) -> None:
    for product in ("p", "q"):
        for seed in range(3):
            client.add("product", product, f"{seed}.png", picture(seed), IntAttr=seed)
    one = client.ok(
        "DeleteImage", {"InstanceName": "product", "ProductId": "p", "PicName": "1.png"}
    )
    shaped("DeleteImage", one)
    assert one["Data"]["PicNames"] == ["1.png"]
    assert (
        client.ok("DeleteImage", {"InstanceName": "product", "ProductId": "p", "PicName": "1.png"})[
            "Data"
        ]["PicNames"]
        == []
    )
    matching = client.ok(
        "DeleteImage",
        {"InstanceName": "product", "IsDeleteByFilter": "True", "Filter": "int_attr=0"},
    )
    assert sorted(matching["Data"]["PicNames"]) == ["0.png", "0.png"]
    assert sorted(
        client.ok("DeleteImage", {"InstanceName": "product", "ProductId": "q"})["Data"]["PicNames"]
    ) == ["1.png", "2.png"]
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 1


def test_compare_says_1_of_the_same_and_less_of_others_and_stores_nothing(client: Client) -> None:
    def score(first: bytes, second: bytes) -> float:
        params = {
            "InstanceName": "product",
            "PrimaryPicContent": b64(first),
            "SecondaryPicContent": b64(second),
        }
        answer = client.ok("CompareSimilarByImage", params)
        shaped("CompareSimilarByImage", answer)
        return float(answer["Score"])

    before = [stat.key for stat in client.deployment.store.list("")]
    assert score(picture(1), picture(1)) == 1.0
    assert score(picture(1), picture(1, format="JPEG")) > score(picture(1), picture(2))
    assert [stat.key for stat in client.deployment.store.list("")] == before


@pytest.mark.parametrize(
    ("collection", "number"), [("product", 0), ("generic", 1), ("fabric", 2), ("trademark", 3)]
)
def test_detail_tells_the_type_and_the_size(client: Client, collection: str, number: int) -> None:
    answer = client.ok("Detail", {"InstanceName": collection})
    shaped("Detail", answer)
    assert answer["Instance"]["ServiceType"] == number
    assert answer["Instance"]["Name"] == collection
    assert answer["Instance"]["Capacity"] == 100, "a million, in units of 10,000"
    assert answer["Instance"]["UtcCreate"] == str(round(client.clock.now * 1000))


def test_a_product_answer_lists_all_categories_and_others_one(client: Client) -> None:
    info = client.add("product", "p", "a.png", picture(1))["PicInfo"]
    assert [row["Id"] for row in info["AllCategories"]] == list(PRODUCT_CATEGORIES)
    info = client.add("generic", "p", "a.png", picture(1))["PicInfo"]
    assert info["AllCategories"] == [{"Id": 88888888, "Name": "other"}]


def multiply(client: Client, product: str, count: int) -> None:
    """`count` more records like the one of `product`."""
    collection = client.deployment.catalog.open("product")
    record = collection.snapshot().find(Key(product, "a.png"))
    assert record is not None
    collection.append(
        [Put(replace(record, key=Key(f"{product}-{number}", "a.png"))) for number in range(count)]
    )


def found(client: Client, **params: object) -> set[str]:
    """Products that the bright picture 1 finds, without those made by `multiply`."""
    return {
        name
        for row in search(client, picture(1), Num=100, **params)["Auctions"]
        if "-" not in (name := row["ProductId"])
    }


def test_without_a_category_the_likeliest_are_searched_and_if_they_hold_too_little_all(
    client: Client,
) -> None:
    client.add("product", "given", "a.png", picture(1), CategoryId=4)
    client.add("product", "predicted", "a.png", picture(1))
    client.add("product", "elsewhere", "a.png", picture(1), CategoryId=20)
    answer = search(client, picture(1))
    assert answer["PicInfo"]["CategoryId"] == 0
    assert answer["Head"]["DocsFound"] == 3
    # the tiny analyzer gives bright pictures Tops 0.9 and Shoes 0.1: both are needed to hold 95 %
    multiply(client, "predicted", 97)
    assert found(client) == {"given", "predicted", "elsewhere"}, (
        "99 records are not one full answer"
    )
    multiply(client, "predicted", 98)
    assert search(client, picture(1))["Head"]["DocsFound"] == 100
    assert "elsewhere" not in found(client)
    assert found(client, Filter='str_attr != "no"') == found(client)
    given = search(client, picture(1), CategoryId=20)
    assert [row["ProductId"] for row in given["Auctions"]] == ["elsewhere"]
    assert given["PicInfo"]["CategoryId"] == 20


def test_a_predicted_category_does_not_cut_a_filtered_answer_short_and_pages_fit_together(
    client: Client,
) -> None:
    for number, category in enumerate((0, 4, 20, 3)):
        client.add(
            "product", f"few{number}", "a.png", picture(number), CategoryId=category, StrAttr="few"
        )
    client.add("product", "many", "a.png", picture(1))
    multiply(client, "many", 120)
    query = {"Filter": 'str_attr = "few"'}
    whole = search(client, picture(1), **query)["Auctions"]
    assert len(whole) == 4
    pages: list[object] = []
    for start in range(4):
        pages += search(client, picture(1), Num=1, Start=start, **query)["Auctions"]
    assert pages == whole


def test_a_search_by_name_narrows_in_the_same_way(client: Client) -> None:
    client.add("product", "shoe", "a.png", picture(1), CategoryId=4)
    client.add("product", "toy", "a.png", picture(1), CategoryId=20)
    named = {"InstanceName": "product", "ProductId": "shoe", "PicName": "a.png"}
    assert client.ok("SearchImageByName", named)["Head"]["DocsFound"] == 2
    assert client.ok("SearchImageByName", {**named, "CategoryId": 4})["Head"]["DocsFound"] == 1
    multiply(client, "shoe", 99)
    assert client.ok("SearchImageByName", named)["Head"]["DocsFound"] == 100


def test_text_search_is_refused_with_the_documented_code_which_is_no_failure(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.code("SearchImageByText", {"InstanceName": "product", "Text": "red dress"}) == (
        500,
        "UnsupportedInstanceType",
    )
    assert not [record for record in caplog.records if record.name == "lookalike.errors"]


def test_two_requests_have_two_ids_and_they_are_upper_case_uuids(client: Client) -> None:
    ids = {client.ok("Detail", {"InstanceName": "product"})["RequestId"] for _ in range(2)}
    assert len(ids) == 2
    assert all(len(one) == 36 and one == one.upper() for one in ids)
