"""Templates, and what is tried when a name is taken."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.errors import NameTaken
from ajaxupload.naming import FIELDS, check_template, collision_candidates, render, safe_name, split_name

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def rendered(template: str, name: str | bytes = "Holiday.JPG", **values: Any) -> str:
    """`render` with something for everything that is not given."""
    given: dict[str, Any] = {"upload_id": "Zk3v9QmT1sXb7dEwRf2LpA", "now": NOW, "principal": "ann"}
    return render(template, name=name, **(given | values))


@pytest.mark.parametrize(
    "template",
    [
        "{name}",
        "{year}/{month}/{uuid}{ext}",
        "{year}/{month}/{day}/{stem}-{id}{ext}",
        "{principal}/{name}",
        "albums/{slug}/{name}",
        "avatar.png",
        "Fotos von {principal}/{name}",
        "{stem}.orig{ext}",
    ],
)
def test_templates_that_can_be_rendered_pass(template: str) -> None:
    check_template(template, ["slug"])


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{nmae}", "did you mean {name}?"),
        ("{slog}/{name}", "did you mean {slug}?"),
        ("{zzz}", "known are {name}, {stem}, {ext}"),
        ("{name.__class__}", "only a plain field name"),
        ("{name[0]}", "only a plain field name"),
        ("{name!r}", "only a plain field name"),
        ("{year:>9999999}", "only a plain field name"),
        ("{}", "only a plain field name"),
        ("{0}", "only a plain field name"),
        ("{{name}}", "brace without its partner"),
        ("{name", "brace without its partner"),
        ("name}", "brace without its partner"),
        ("/{name}", "empty part"),
        ("{name}/", "empty part"),
        ("a//{name}", "empty part"),
        ("", "empty part"),
        ("../{name}", "stay inside"),
        ("a/./{name}", "stay inside"),
        (".hidden/{name}", "stored like 'hidden'"),
        ("a\\{name}", "stored like 'sample.bin'"),
        ("a:b/{name}", "stored like 'a_b'"),
        ("CON/{name}", "stored like '_CON'"),
        ("{ext}", "stored like 'bin'"),
        ("{uuid}.{ext}", "write what can stay as it is"),
        ("{stem}.php.txt", "stored like 'sample_php.txt'"),
        ("a" * 101 + "/{name}", "write what can stay as it is"),
        ("a/" * 8 + "{name}", "9 parts between slashes: 8 are possible"),
    ],
)
def test_templates_that_cannot_are_refused_with_the_reason(template: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)) as refused:
        check_template(template, ["slug"])
    assert str(refused.value).startswith(repr(template))


@pytest.mark.parametrize(
    ("template", "name", "path"),
    [
        ("{name}", "Holiday.JPG", "Holiday.JPG"),
        ("{stem}{ext}", "Holiday.JPG", "Holiday.jpg"),
        ("{year}/{month}/{day}/{name}", "x.txt", "2026/03/04/x.txt"),
        ("{stem}-2{ext}", "a.TAR.gz", "a-2.tar.gz"),
        ("{id}{ext}", "x.txt", "Zk3v9QmT1sXb7dEwRf2LpA.txt"),
        ("{principal}/{album}/{name}", "../x.txt", "ann/Sommer 26/x.txt"),
        ("{name}", "", "file"),
        ("{year}{ext}", "no extension", "2026"),
        ("{stem}-x{ext}", "..", "file-x"),
        ("{name}", "{year}.txt", "{year}.txt"),  # a value is no template
        ("{name}.txt", "shell.php", "shell_php.txt"),
        ("{stem}", "photo.xyz.jpg", "photo_xyz"),
    ],
)
def test_rendered_path(template: str, name: str, path: str) -> None:
    assert rendered(template, name, path_names={"album": "Sommer 26"}) == path


def test_a_uuid_is_random_and_one_per_path() -> None:
    first, second = (rendered("{uuid}/{uuid}{ext}").split("/") for _ in range(2))
    assert UUID.fullmatch(first[0])
    assert first[1] == first[0] + ".jpg"
    assert first != second


def test_an_id_that_begins_with_a_dash_keeps_its_length() -> None:
    assert rendered("{id}", upload_id="-abc") == "_abc"


def test_our_fields_win_over_the_names_in_the_path() -> None:
    assert rendered("{principal}/{name}", path_names={"principal": "mallory", "name": "x"}) == "ann/Holiday.JPG"


def test_who_is_nobody_is_anonymous_and_nobody_else_can_be() -> None:
    assert rendered("{principal}/{name}", principal=None) == "anonymous/Holiday.JPG"
    assert rendered("{principal}/{name}", principal="anonymous") == "anonymous-2f183a4e64493af3/Holiday.JPG"


@pytest.mark.parametrize("template", ["{principal}/{name}", "{principal}{ext}"])
def test_different_principals_never_share_a_path(template: str) -> None:
    people = ["a/b", "a_b", "a\\b", "a:b", "a", "../a", ".a", "a.", "a ", "a.b", "x/a", "con", "_con", "", "file"]
    people += ["y" * 64, "y" * 65, "y" * 66, "e\u0301", "é", "\ud800", "\ud801"]
    assert len({rendered(template, principal=person) for person in people}) == len(people)


def test_r09_nobody_but_the_file_brings_an_extension() -> None:
    assert split_name(rendered("{album}{ext}", "blob", path_names={"album": "x.php"}))[1] == ""
    assert split_name(rendered("{uuid}-{album}", "a.jpg", path_names={"album": "x.php"}))[1] == ""
    assert rendered("{album}/{name}", "a.jpg", path_names={"album": "v1.2"}) == "v1.2/a.jpg"


@given(st.integers(100, 220))
def test_r09_no_cut_lays_an_extension_bare(length: int) -> None:
    path = rendered("{uuid}-{stem}", "a" * length + ".phpabc def.jpg")
    assert "." not in path


def test_where_a_part_gets_too_long_the_name_gives_way() -> None:
    path = rendered("{stem}-{uuid}{ext}", "é" * 200 + ".jpg")
    assert UUID.fullmatch(path.removesuffix(".jpg")[-36:])
    assert 197 <= len(path.encode()) <= 200
    folder, name = rendered("{stem}/{name}", "x" * 300 + ".jpg").split("/")
    assert (len(folder), len(name)) == (100, 200)


def test_a_field_that_the_request_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=re.escape("{slug}")):
        rendered("{slug}/{name}")


SEGMENT = st.lists(st.sampled_from([*(f"{{{field}}}" for field in FIELDS), "{album}", "a", "-", "."]), max_size=4)
WORD = st.one_of(
    st.text(st.characters(), max_size=100), st.sampled_from(["a.php", "con", "../..", "é" * 300, "{name}"])
)


@given(
    st.lists(SEGMENT.map("".join), min_size=1, max_size=8).map("/".join), st.one_of(WORD, st.binary()), WORD, WORD, WORD
)
def test_whatever_the_values_every_part_of_the_path_is_safe(
    template: str, name: str | bytes, upload_id: str, principal: str, album: str
) -> None:
    path = rendered(template, name, upload_id=upload_id, principal=principal, path_names={"album": album})
    parts = path.split("/")
    assert len(parts) == template.count("/") + 1
    assert [safe_name(part) for part in parts] == parts
    assert len(path.encode()) <= 907


# ---- a name is taken -------------------------------------------------------------------------------------------------


def test_n17_a_taken_name_gets_seven_random_characters_before_its_extension() -> None:
    first, *more = islice(collision_candidates("2026/a.txt"), 50)
    assert first == "2026/a.txt"
    assert all(re.fullmatch(r"2026/a-[a-z0-9]{7}\.txt", name) for name in more)
    assert len(set(more)) == 49


@pytest.mark.parametrize(
    ("filename", "pattern"),
    [
        ("archive.tar.gz", r"archive-\w{7}\.tar\.gz"),
        ("report v1.2", r"report v1\.2-\w{7}"),
        ("a.b/noext", r"a\.b/noext-\w{7}"),
        ("_con.txt", r"_con-\w{7}\.txt"),
        ("é" * 126 + ".jpg", r"é{121}-\w{7}\.jpg"),
    ],
)
def test_n17_the_suffix_keeps_extension_folder_and_bounds(filename: str, pattern: str) -> None:
    _, second = islice(collision_candidates(filename, "suffix"), 2)
    assert re.fullmatch(pattern, second)
    assert len(second.rpartition("/")[2].encode()) <= 255


def test_n17_after_a_hundred_tries_the_name_is_taken() -> None:
    names = collision_candidates("a.txt", "suffix")
    assert len(list(islice(names, 100))) == 100
    with pytest.raises(NameTaken):
        next(names)


def test_n02_the_policy_error_tries_one_name() -> None:
    names = collision_candidates("a.txt", "error")
    assert next(names) == "a.txt"
    with pytest.raises(NameTaken):
        next(names)


def test_the_policy_replace_tries_one_name_and_ends() -> None:
    assert list(collision_candidates("a.txt", "replace")) == ["a.txt"]


def test_an_unknown_policy_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="suffix, error, replace"):
        collision_candidates("a.txt", "sufix")


def test_n19_suffixes_are_drawn_evenly() -> None:
    drawn = "".join(name[2:9] for _ in range(40) for name in islice(collision_candidates("a.b"), 1, 100))
    counts = [drawn.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    assert sum(counts) == 40 * 99 * 7
    assert min(counts) > 600  # 770 expected, standard deviation 27
