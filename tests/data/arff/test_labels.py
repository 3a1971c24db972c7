import pytest

from arff_text import arff, xml
from batchsift.data import read_arff

FOUR = ["p {0,1}", "q {0,1}", "r {0,1}", "s {0,1}"]
ROW = ["0,1,1,0"]


def test_labels_from_the_xml_keep_the_order_of_the_arff_file(write):
    write(xml("s", "q"), "set.xml")
    data = read_arff(write(arff(FOUR, ROW)))
    assert data.label_names == ("q", "s")
    assert data.labels.tolist() == [[1, 0]]
    assert data.feature_names == ("p", "r")
    assert data.features.tolist() == [[0, 1]]


@pytest.mark.parametrize("name", ["birds-train.arff", "birds-test.arff"])
def test_the_xml_may_leave_out_train_and_test(write, name):
    write(xml("s"), "birds.xml")
    assert read_arff(write(arff(FOUR, ROW), name)).label_names == ("s",)


def test_an_xml_of_the_exact_name_comes_first(write):
    write(xml("s"), "birds.xml")
    write(xml("p"), "birds-train.xml")
    assert read_arff(write(arff(FOUR, ROW), "birds-train.arff")).label_names == ("p",)


def test_nested_labels_and_escaped_names_in_the_xml(write):
    write('<labels><label name="top"><label name="It\'s &amp; that"/></label></labels>', "set.xml")
    path = write(arff(["x numeric", r"'It\'s & that' {0,1}", "top {0,1}"], ["1,0,1"]))
    assert read_arff(path).label_names == ("It's & that", "top")
    write(xml("top", "It\\'s &amp; that"), "set.xml")
    assert read_arff(path).label_names == ("It's & that", "top")


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("'Music: -C 2'", ("p", "q")),
        ("'Music: -C -1'", ("s",)),
        ("'Music: -C 3 -split-number 300'", ("p", "q", "r")),
        ('"Music: -split-number 300 -C 1"', ("p",)),
        ("'-C 1'", ("p",)),
        ("Music: -C 2", ("p", "q")),
        ("'Music:-C 2'", ("p", "q")),
    ],
)
def test_labels_from_the_relation(write, relation, expected):
    assert read_arff(write(arff(FOUR, ROW, relation))).label_names == expected


@pytest.mark.parametrize("relation", ["r", "'weka.filters.Remove-C 2'", "'r: -Cs 2'", "'r: -C 2x'", "-R1-C2"])
def test_nothing_says_which_attributes_are_labels(write, relation):
    path = write(arff(FOUR, ROW, relation))
    with pytest.raises(ValueError, match=r"which of its 4 attributes .*labels=N.*set\.xml.*-C N"):
        read_arff(path)


def test_the_number_comes_before_the_xml_and_the_xml_before_the_relation(write):
    path = write(arff(FOUR, ROW, "'r: -C 1'"))
    assert read_arff(path).label_names == ("p",)
    write(xml("q"), "set.xml")
    assert read_arff(path).label_names == ("q",)
    with pytest.warns(UserWarning, match=r"labels=2 takes the last 2 attributes .*set\.xml names 1;") as caught:
        assert read_arff(path, labels=2).label_names == ("r", "s")
    assert caught[0].filename == __file__


def test_a_number_is_compared_with_the_relation(write):
    path = write(arff(FOUR, ROW, "'r: -C 2'"))
    with pytest.warns(UserWarning, match="labels=2 takes .* relation's -C 2 names 2 others;"):
        read_arff(path, labels=2)
    read_arff(write(arff(FOUR, ROW, "'r: -C -2'")), labels=2)
    read_arff(write(arff(FOUR, ROW, "'r: -C 9'")), labels=2)


@pytest.mark.parametrize("labels", [0, -1, 4, 5])
def test_an_impossible_number_of_labels(write, labels):
    with pytest.raises(ValueError, match=f"labels={labels} asks for {labels} labels among 4 attributes"):
        read_arff(write(arff(FOUR, ROW)), labels=labels)


@pytest.mark.parametrize("count", ["0", "4", "-4", "9"])
def test_an_impossible_number_of_labels_in_the_relation(write, count):
    with pytest.raises(ValueError, match=f"relation's -C {count} asks for .* among 4 attributes"):
        read_arff(write(arff(FOUR, ROW, f"'r: -C {count}'")))


def test_a_label_of_the_xml_that_the_arff_file_lacks(write):
    path = write(arff(["x numeric", "sunset {0,1}"], ["1,0"]))
    write(xml("sunsets"), "set.xml")
    with pytest.raises(ValueError, match=r"no attribute 'sunsets', .*set\.xml.* did you mean 'sunset'\?"):
        read_arff(path)
    write(xml("qqq"), "set.xml")
    with pytest.raises(ValueError, match=r"no attribute 'qqq'.*does not declare$"):
        read_arff(path)


def test_an_xml_that_leaves_no_feature(write):
    write(xml("p", "q", "r", "s"), "set.xml")
    with pytest.raises(ValueError, match="makes labels of all 4 attributes"):
        read_arff(write(arff(FOUR, ROW)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<labels><label", r"set\.xml is not well-formed XML"),
        ("", r"set\.xml is not well-formed XML"),
        ('<?xml version="1.0" encoding="nonsense"?><labels/>', r"set\.xml is not well-formed XML"),
        ("<labels></labels>", r"set\.xml does not name the labels"),
        ("<labels><label/></labels>", r"set\.xml does not name the labels"),
    ],
)
def test_a_broken_xml(write, content, message):
    write(content, "set.xml")
    with pytest.raises(ValueError, match=message):
        read_arff(write(arff(FOUR, ROW)))


def test_a_comment_after_the_relation_says_nothing(write):
    for relation in ("'r' % -C 1", "r % : -C 1", "% -C 1"):
        with pytest.raises(ValueError, match="does not say which"):
            read_arff(write(arff(FOUR, ROW, relation)))
    assert read_arff(write(arff(FOUR, ROW, "'it\\'s 100%: -C -1' % -C 3"))).label_names == ("s",)


@pytest.mark.parametrize("columns", ["s,q", ["s", "q"], "[qs]"])
def test_labels_by_name(write, columns):
    data = read_arff(write(arff(FOUR, ROW, "'r: -C 1'")), label_columns=columns)
    assert (data.label_names, data.labels.tolist()) == (("q", "s"), [[1, 0]])
    with pytest.raises(ValueError, match=r"set\.arff: label_columns='z' matches none of the 4 columns"):
        read_arff(write(arff(FOUR, ROW)), label_columns="z")
    with pytest.raises(ValueError, match="labels=1 and label_columns='s' came together"):
        read_arff(write(arff(FOUR, ROW)), 1, label_columns="s")


# --- What is dropped ------------------------------------------------------------------------------------------------

WITH_TEXT = ["id string", "x numeric", "born date 'yyyy-MM-dd'", "y numeric", "a {0,1}", "b {0,1}", "note string"]
TEXT_ROW = ["'it\\'s, 1',5,2020-01-01,6,1,0,\"two words\""]


def test_texts_and_dates_are_dropped_and_named(write):
    with pytest.warns(UserWarning, match=r"dropped 3 attribute\(s\) .*: 'id', 'born', 'note'; .*drop=") as caught:
        data = read_arff(write(arff(WITH_TEXT, TEXT_ROW)), labels=2)
    assert caught[0].filename == __file__
    assert (data.feature_names, data.label_names) == (("x", "y"), ("a", "b"))
    assert (data.features.tolist(), data.labels.tolist()) == ([[5, 6]], [[1, 0]])


@pytest.mark.parametrize(("name", "kind"), [("ID", "numeric"), ("Sample-Id", "{p,q,r}"), ("'row id'", "integer")])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_first_or_last_feature_called_id_is_dropped(write, name, kind, is_first):
    attributes = ["x numeric", "y numeric"]
    attributes.insert(0 if is_first else 2, f"{name} {kind}")
    value = "q" if "p" in kind else "17"
    row = [value, "1", "2"] if is_first else ["1", "2", value]
    path = write(arff([*attributes, "a {0,1}"], [",".join([*row, "1"])]))
    with pytest.warns(UserWarning, match="dropped 1 attribute"):
        assert read_arff(path, labels=1).features.tolist() == [[1, 2]]
    assert read_arff(path, labels=1, drop=[]).num_features == (5 if "p" in kind else 3)


@pytest.mark.parametrize("attributes", [["x real", "id real", "y real"], ["id {0,1}", "x real", "y real"], ["id real"]])
def test_other_features_called_id_stay(write, attributes):
    path = write(arff([*attributes, "id2 {0,1}"], [",".join(["1"] * len(attributes)) + ",0"]))
    assert read_arff(path, labels=1).num_features == len(attributes)


def test_what_is_named_is_dropped_and_nothing_else(write):
    path = write(arff(["it numeric", "x numeric", "y numeric", "a {0,1}", "b {0,1}", "n numeric"], ["9,1,2,1,0,7"]))
    data = read_arff(path, labels=2, drop=["y", "n"])
    assert (data.feature_names, data.label_names) == (("it", "x"), ("a", "b"))
    with pytest.raises(ValueError, match=r"set\.arff: drop='z' matches none of the 6 columns"):
        read_arff(path, labels=2, drop="z")
    with pytest.raises(
        ValueError,
        match=r"line 4: the attribute 'born' is a string or a date.*name it in drop.*drop=\['id', 'note', 'born'\]",
    ):
        read_arff(write(arff(WITH_TEXT, TEXT_ROW)), labels=2, drop=["id", "note"])


def test_an_identifier_goes_beside_what_is_named(write):
    path = write(arff(["name string", "id numeric", "row_id real", "x real", "a {0,1}"], ["'n',1,2,5,1"]))
    with pytest.warns(
        UserWarning, match="dropped 2 attribute.*: 'id', 'row_id'; drop='name,id,row_id' makes it silent"
    ):
        assert read_arff(path, labels=1, drop="name").feature_names == ("x",)
    assert read_arff(path, labels=1, drop="name,id,row_id").feature_names == ("x",)
    assert read_arff(path, labels=1, drop="name,*id").feature_names == ("x",)


def test_dropping_does_not_shift_the_labels_of_the_relation(write):
    data = read_arff(write(arff(FOUR, ROW, "'r: -C 2'")), drop="q")
    assert (data.label_names, data.feature_names) == (("p",), ("r", "s"))
    with pytest.raises(ValueError, match="leave no label or no feature"):
        read_arff(write(arff(FOUR, ROW, "'r: -C 2'")), drop="p,q")
    path = write(arff(["p string", "q {0,1}", "r {0,1}"], ["x,0,1"], "'r: -C 2'"))
    with pytest.raises(ValueError, match=r"line 2: the attribute 'p' is of type string or date .*-C 2, a label"):
        read_arff(path)
