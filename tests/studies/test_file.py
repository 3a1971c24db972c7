"""Study files: what is wrong is said with its line, its key and the nearest word."""

import dataclasses
import tomllib

import pytest

from batchsift.studies.file import StudyFileError, Training, read_study_file
from batchsift.studies.toml_lines import lines_of
from batchsift.training.settings import Settings

GOOD = """\
# A comment with "quotes" and = [
data = ["digits",
        { source = ["a.arff", "b.arff"], name = "ab", labels = 6 }]
models = ["mlp", "clif"]
methods = ["random", { name = "plain", method = "d2ace", correlation = false, mixture = { start = 0.9 } }]
settings = ["paper", { name = "quick", base = "tuned", epochs = 3, hyperparameters = { dropout = 0.1 } }]
folds = 3
seeds = [0, 1]
metrics = ["macro_auc"]

[training]
learning_rate = 1
[[overrides]]
where = { model = "clif" }
set = { batch_size = 64 }
[[overrides]]
[overrides.where]
data = ["ab"]
[overrides.set]
hyperparameters.hidden = 3
"""


def read(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return read_study_file(path)[0]


def test_a_study_is_read(tmp_path):
    study = read(tmp_path, GOOD)
    assert [entry.source for entry in study.data] == [["digits"], ["a.arff", "b.arff"]]
    assert study.data[1].options() == {"labels": 6}
    assert [(entry.study_name, entry.method) for entry in study.methods] == [("random", "random"), ("plain", "d2ace")]
    assert study.methods[1].options() == {"correlation": False, "mixture": {"start": 0.9}}
    assert [(entry.name, entry.base, entry.changes()) for entry in study.settings] == [
        ("paper", "paper", {}),
        ("quick", "tuned", {"epochs": 3}),
    ]
    assert study.training.changes() == {"learning_rate": 1.0}
    assert [override.changes.changes() for override in study.overrides] == [{"batch_size": 64}, {}]
    assert study.overrides[1].where.matches(data="ab", model="mlp", settings="paper")
    assert not study.overrides[0].where.matches(data="ab", model="mlp", settings="paper")


def test_what_a_file_leaves_out(tmp_path):
    study = read(tmp_path, 'data = ["digits"]\nmodels = ["mlp"]\nmethods = ["random"]')
    assert [entry.name for entry in study.settings] == ["default"]
    assert study.settings[0].base == "default"
    assert (study.folds, study.seeds, study.training.changes()) == (Settings.num_folds, [0], {})


def test_training_has_the_fields_of_the_settings():
    assert [*Training.model_fields, "num_folds"] == sorted(
        (field.name for field in dataclasses.fields(Settings)), key=[*Training.model_fields, "num_folds"].index
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("models =", "modles =", 4, ["unknown key 'modles'", "did you mean 'models'?"]),
        ('"random"', '"randm"', 5, ["methods, entry 1: unknown method 'randm'", "'random'"]),
        ('method = "d2ace"', 'method = "d2ac"', 5, ["methods, entry 2, method:", "'d2ace'"]),
        ("correlation = false", "corelation = false", 5, ["methods, entry 2, corelation:", "'correlation'"]),
        ("correlation = false", "correlation = 1", 5, ["correlation must be true or false, got 1"]),
        ("correlation = false", 'window = "5"', 5, ["window must be a number, got '5'"]),
        ("correlation = false", "window = 0", 5, ["window=0 must be at least 1"]),
        ("start = 0.9", "strt = 0.9", 5, ["mixture has no 'strt'", "'start'"]),
        ('"clif"]', '"clfi"]', 4, ["models, entry 2: unknown model 'clfi'", "'clif'"]),
        ('"paper"', '"papr"', 6, ["settings, entry 1: unknown settings 'papr'", "'paper'"]),
        ('base = "tuned"', 'base = "tund"', 6, ["settings, entry 2, base:", "'tuned'"]),
        ("epochs = 3", "epoch = 3", 6, ["unknown key 'epoch'", "'epochs'"]),
        ("epochs = 3", "epochs = 0", 6, ["settings, entry 2, epochs: epochs must be at least 1, got 0"]),
        ("epochs = 3", 'loss = "focl"', 6, ["settings, entry 2, loss: unknown loss 'focl'", "did you mean 'focal'?"]),
        ("learning_rate = 1", 'scaling = "mimax"', 12, ["training, scaling: unknown scaling 'mimax'", "'minmax'"]),
        ("learning_rate = 1", "center_sparse = 1", 12, ["training, center_sparse:", "got 1"]),
        ("folds = 3", 'folds = "three"', 7, ["folds:", "integer", "'three'"]),
        ("folds = 3", "folds = 1", 7, ["folds:", "2"]),
        ("seeds = [0, 1]", "seeds = 2", 8, ["seeds:", "list", "got 2"]),
        ("seeds = [0, 1]", "seeds = [0, 0]", 8, ["seeds: 0 stands here twice"]),
        ('["macro_auc"]', '["macro_acu"]', 9, ["metrics, entry 1: unknown metric 'macro_acu'", "'macro_auc'"]),
        ("learning_rate = 1", "learning_rate = true", 12, ["training, learning_rate:", "number", "True"]),
        ("learning_rate = 1", "lerning_rate = 1", 12, ["unknown key 'lerning_rate'", "'learning_rate'"]),
        ("learning_rate = 1", "lr = 1", 12, ["unknown key 'lr'", "did you mean 'learning_rate'?"]),
        ("learning_rate = 1", "wd = 1", 12, ["unknown key 'wd'", "did you mean 'weight_decay'?"]),
        ("batch_size = 64", "bs = 64", 15, ["unknown key 'bs'", "did you mean 'batch_size'?"]),
        ('model = "clif" }', 'modle = "clif" }', 14, ["overrides, entry 1, where, modle", "'model'"]),
        ('model = "clif" }', 'model = "dela" }', 14, ["this study has no model 'dela'"]),
        ('model = "clif" }', 'method = "d2ace" }', 14, ["unknown key 'method'"]),
        ("set = {", "sett = {", 15, ["unknown key 'sett'", "'set'"]),
        ("batch_size = 64", "batchsize = 64", 15, ["overrides, entry 1, set, batchsize", "'batch_size'"]),
        ("labels = 6", 'labels = "six"', 3, ["data, entry 2, labels:", "'six'"]),
        ("labels = 6", "label = 6", 3, ["unknown key 'label'", "'labels'"]),
        ('"random",', "3,", 5, ["methods, entry 1: expected a table, or a name", "got 3"]),
        ('name = "plain", ', 'name = "random", ', 5, ["methods: 'random' stands here twice"]),
    ],
)
def test_a_mistake_is_said_with_line_key_and_nearest_word(tmp_path, old, new, line, words):
    assert GOOD.count(old) == 1 or old in ('"clif"]', "labels = 6")
    with pytest.raises(StudyFileError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    said = [each for each in str(caught.value).splitlines() if f"study.toml, line {line}: " in each]
    assert any(all(word in each for word in words) for each in said), str(caught.value)


def test_all_mistakes_are_said_at_once(tmp_path):
    with pytest.raises(StudyFileError) as caught:
        read(tmp_path, GOOD.replace("folds = 3", "folds = 0").replace('"random"', '"rndom"'))
    assert [line.partition(", line ")[2][0] for line in str(caught.value).splitlines()] == ["5", "7"]


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(StudyFileError, match="line 1: the key 'data' is missing"):
        read(tmp_path, 'models = ["mlp"]\nmethods = ["random"]')


def test_what_is_no_toml_is_said_with_its_line(tmp_path):
    with pytest.raises(ValueError, match=r"study.toml, line 2: not TOML: Invalid value \(at column 12\)"):
        read(tmp_path, 'models = ["mlp"]\nmethods = [random]')
    with pytest.raises(ValueError, match=r"study.toml, line 2: not TOML: .* \(at end of document\)"):
        read(tmp_path, 'models = ["mlp"]\nmethods = ["random"\n\n')
    (tmp_path / "study.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"study.toml is not a TOML file, which is UTF-8"):
        read_study_file(tmp_path / "study.toml")


def test_a_missing_file_is_said_with_those_there_are(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*study.toml; docs/studies.md says how"):
        read_study_file(tmp_path / "study.toml")
    (tmp_path / "study.toml").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*stdy.toml: did you mean 'study.toml'\?"):
        read_study_file(tmp_path / "stdy.toml")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_study_file(tmp_path)


def test_every_key_has_its_line():
    lines = lines_of(GOOD)

    def places(value, place=()):
        if place and not isinstance(place[-1], int):
            yield place
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in inner:
            yield from places(item, (*place, key))

    found = {place for place in places(tomllib.loads(GOOD)) if place not in lines}
    # Tables that are only named by what is in them have no line of their own.
    assert found <= {("overrides",), ("overrides", 1, "set", "hyperparameters")}
    assert lines[("overrides", 1, "where", "data")] == 18
    assert lines[("data", 1, "source", 1)] == 3
    assert lines_of('a = """\n[x\n"""\n"b.c" = 1\n[d.\'e\']\nf = 1 # g = 2')[("d", "e", "f")] == 6


def test_columns_are_parted_at_commas_as_on_the_command_line(tmp_path):
    entry = '{ source = "a.csv", label_columns = "y_*, z", drop = "id,artist" }'
    data = read(tmp_path, GOOD.replace('"digits"', entry, 1)).data[0]
    assert (data.source, data.label_columns, data.drop) == (["a.csv"], ["y_*", "z"], ["id", "artist"])
