"""The heads against loop-written twins, their symmetries, sizes and gradients."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from batchsift.models.images import HEADS, LinearHead, MLDecoder, Query2Label
from batchsift.models.images.query2label import sine_code

SMALL = {
    "linear": {},
    "ml_decoder": {"groups": 3, "width": 8, "heads": 2, "inner": 6},
    "query2label": {"width": 8, "heads": 2, "inner": 6},
}


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng():
        torch.manual_seed(4)
        yield


def built(name, channels=5, num_labels=7, **more):
    return HEADS[name](channels, num_labels, **{**SMALL[name], **more}).double().eval()


def some_map(channels=5, rows=2, columns=3, batch=2):
    return torch.randn(batch, channels, rows, columns, dtype=torch.float64)


# Twins: lists of numbers, one picture, one place, one query at a time ----------------------------------------


def affine(layer, vector):
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    return [dot(row, vector) + b for row, b in zip(weight, bias, strict=True)]


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def plus(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def relu(vector):
    return [max(value, 0.0) for value in vector]


def norm(layer, vector):
    mean = sum(vector) / len(vector)
    variance = sum((value - mean) ** 2 for value in vector) / len(vector)
    scale, shift = layer.weight.tolist(), layer.bias.tolist()
    return [
        s * (value - mean) / math.sqrt(variance + 1e-5) + b for value, s, b in zip(vector, scale, shift, strict=True)
    ]


def attention(layer, queries, keys, values):
    e, heads = layer.embed_dim, layer.num_heads
    weight, bias = layer.in_proj_weight.tolist(), layer.in_proj_bias.tolist()

    def project(part, vectors):
        rows, offsets = weight[part * e : (part + 1) * e], bias[part * e : (part + 1) * e]
        return [[dot(row, v) + b for row, b in zip(rows, offsets, strict=True)] for v in vectors]

    q, k, v = project(0, queries), project(1, keys), project(2, values)
    size, out = e // heads, []
    for query in q:
        joined = []
        for head in range(heads):
            cut = slice(head * size, (head + 1) * size)
            scores = [dot(query[cut], key[cut]) / math.sqrt(size) for key in k]
            powers = [math.exp(score) for score in scores]
            shares = [power / sum(powers) for power in powers]
            joined += [dot(shares, [value[column] for value in v]) for column in range(head * size, (head + 1) * size)]
        out.append(affine(layer.out_proj, joined))
    return out


def places_of(picture):
    channels, rows, columns = picture.shape
    return [[picture[c, r, w].item() for c in range(channels)] for r in range(rows) for w in range(columns)]


def linear_twin(head, picture):
    places = places_of(picture)
    pooled = [sum(column) / len(places) for column in zip(*places, strict=True)]
    return affine(head.classifier, pooled)


def ml_decoder_twin(head, picture):
    places = [relu(affine(head.embedding, place)) for place in places_of(picture)]
    t = [norm(head.norms[0], [2 * value for value in query]) for query in head.queries_Ke.tolist()]
    attended = attention(head.attention, t, places, places)
    t = [norm(head.norms[1], plus(*pair)) for pair in zip(t, attended, strict=True)]
    t = [norm(head.norms[2], plus(q, affine(head.narrowing, relu(affine(head.widening, q))))) for q in t]
    group, logits = head.group_Keg.tolist(), []
    for label in range(head.num_labels):
        query, column = divmod(label, head.group_size)
        logits.append(dot(t[query], [row[column] for row in group[query]]) + head.bias_L[label].item())
    return logits


def code_twin(rows, columns, width):
    half, out = width // 2, []
    for r in range(1, rows + 1):
        for c in range(1, columns + 1):
            angles = [2 * math.pi * r / rows] * half + [2 * math.pi * c / columns] * half
            numbers = []
            for position, angle in enumerate(angles):
                place = position % half
                scaled = angle / 10_000 ** (2 * (place // 2) / half)
                numbers.append(math.cos(scaled) if place % 2 else math.sin(scaled))
            out.append(numbers)
    return out


def query2label_twin(head, picture):
    places, code = places_of(picture), code_twin(*picture.shape[1:], head.settings.width)
    if not isinstance(head.projection, torch.nn.Identity):
        places = [affine(head.projection, place) for place in places]

    def coded(vectors, codes):
        return [plus(*pair) for pair in zip(vectors, codes, strict=True)]

    def step(layer, number, t, codes, memory, memory_codes):
        attended = attention(layer.attentions[number], coded(t, codes), coded(memory, memory_codes), memory)
        return [norm(layer.norms[number], plus(*pair)) for pair in zip(t, attended, strict=True)]

    def feed(layer, t):
        return [norm(layer.norms[-1], plus(v, affine(layer.narrowing, relu(affine(layer.widening, v))))) for v in t]

    for layer in head.encoder:
        places = feed(layer, step(layer, 0, places, code, places, code))
    queries = head.queries_Le.tolist()
    t = [[0.0] * head.settings.width for _ in queries]
    for layer in head.decoder:
        t = step(layer, 0, t, queries, t, queries)
        t = feed(layer, step(layer, 1, t, queries, places, code))
    t = [norm(head.norm, vector) for vector in t]
    return [
        dot(w, v) + c for w, v, c in zip(head.classifier.weight.tolist(), t, head.classifier.bias.tolist(), strict=True)
    ]


TWINS = {"linear": linear_twin, "ml_decoder": ml_decoder_twin, "query2label": query2label_twin}


def randomize(head):
    """Away from the values of the beginning, where a bias that is left out would not be seen."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return head


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(("channels", "num_labels", "rows", "columns"), [(5, 7, 2, 3), (8, 6, 1, 1), (3, 1, 3, 2)])
def test_a_head_equals_its_twin(name, channels, num_labels, rows, columns):
    head = randomize(built(name, channels, num_labels))
    map_BCHW = some_map(channels, rows, columns)
    expected = torch.tensor([TWINS[name](head, picture) for picture in map_BCHW], dtype=torch.float64)
    torch.testing.assert_close(head(map_BCHW), expected, rtol=1e-6, atol=1e-6)  # the sine code is in float32


@pytest.mark.parametrize(
    "settings", [{"encoder_layers": 2, "decoder_layers": 1}, {"encoder_layers": 1, "decoder_layers": 3}]
)
def test_query2label_has_as_many_layers_as_asked_for(settings):
    head = randomize(built("query2label", **settings))
    map_BCHW = some_map()
    expected = torch.tensor([query2label_twin(head, picture) for picture in map_BCHW], dtype=torch.float64)
    torch.testing.assert_close(head(map_BCHW), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns", "width"), [(1, 1, 4), (3, 5, 8), (7, 2, 24)])
def test_sine_code_equals_its_twin(rows, columns, width):
    code = sine_code(rows, columns, width, like=torch.zeros((), dtype=torch.float32))
    torch.testing.assert_close(code, torch.tensor(code_twin(rows, columns, width)), rtol=0, atol=2e-6)


# Symmetries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "ml_decoder"])
def test_the_order_of_the_places_does_not_matter(name):
    head, map_BCHW = randomize(built(name)), some_map()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    moved = map_BCHW.flatten(2)[:, :, order].unflatten(2, (3, 2))
    torch.testing.assert_close(head(moved), head(map_BCHW))


def test_query2label_sees_where_things_are():
    head, map_BCHW = randomize(built("query2label")), some_map()
    assert (head(map_BCHW.flip(3)) - head(map_BCHW)).abs().max() > 1e-3


def test_queries_that_change_places_take_their_labels_along():
    head = randomize(built("ml_decoder", num_labels=6))
    map_BCHW, order = some_map(), [2, 0, 1]
    before = head(map_BCHW).unflatten(1, (3, 2))[:, order].flatten(1)
    with torch.no_grad():
        head.queries_Ke.copy_(head.queries_Ke[order])
        head.group_Keg.copy_(head.group_Keg[order])
        head.bias_L.copy_(head.bias_L.unflatten(0, (3, 2))[order].flatten())
    torch.testing.assert_close(head(map_BCHW), before)


def test_labels_of_query2label_that_change_places_change_nothing_else():
    head = randomize(built("query2label", num_labels=4))
    map_BCHW, order = some_map(), [2, 0, 3, 1]
    before = head(map_BCHW)[:, order]
    with torch.no_grad():
        for table in (head.queries_Le, head.classifier.weight, head.classifier.bias):
            table.copy_(table[order])
    torch.testing.assert_close(head(map_BCHW), before)


def test_labels_of_query2label_attend_to_each_other():
    head, map_BCHW = randomize(built("query2label", num_labels=4)), some_map()
    before = head(map_BCHW)
    with torch.no_grad():
        head.queries_Le[3].add_(1.0)
    assert ((head(map_BCHW) - before)[:, :3].abs() > 1e-6).all()


def test_groups_of_ml_decoder_do_not():
    head, map_BCHW = randomize(built("ml_decoder", num_labels=6)), some_map()
    before = head(map_BCHW)
    with torch.no_grad():
        head.queries_Ke[2].add_(1.0)
    assert torch.equal(head(map_BCHW)[:, :4], before[:, :4])


# Sizes -------------------------------------------------------------------------------------------------------


def count(head):
    return sum(parameter.numel() for parameter in head.parameters())


def test_sizes_are_those_of_the_papers():
    """At the papers' values for COCO: C = 2048, L = 80."""
    c, labels = 2048, 80
    with torch.device("meta"):
        linear, ml, q2l = (HEADS[name](c, labels) for name in ("linear", "ml_decoder", "query2label"))
        wide = MLDecoder(c, 5000)
        narrow = Query2Label(c, labels, width=512)
    assert count(linear) == c * labels + labels
    e, inner = 768, 2048
    body = c * e + e + 4 * (e * e + e) + 2 * e * inner + inner + e + 3 * 2 * e
    assert ml.num_queries == labels
    assert count(ml) == body + labels * e + labels
    assert (wide.num_queries, wide.group_size) == (100, 50)
    assert count(wide) == body + 5000 * e + 5000

    def transformer(e, inner):
        attention, feed_forward = 4 * (e * e + e), 2 * e * inner + inner + e
        return (attention + feed_forward + 2 * 2 * e) + 2 * (2 * attention + feed_forward + 3 * 2 * e) + 2 * e

    assert count(q2l) == transformer(2048, 8192) + 2 * labels * 2048 + labels  # no projection: C = e
    assert count(narrow) == c * 512 + 512 + transformer(512, 8192) + 2 * labels * 512 + labels


def flops(head, channels, rows, columns):
    counter = FlopCounterMode(display=False)
    with counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        head(torch.zeros(1, channels, rows, columns, requires_grad=True))
    return counter.get_total_flops()


def test_costs_are_those_of_the_papers():
    """Multiplications and additions of one picture, as the equations have them."""
    c, e, n, labels = 24, 16, 12, 6
    ml = MLDecoder(c, labels, width=e, heads=2, inner=32, groups=3, dropout=0.0)
    decoder = n * c * e + 2 * n * e * e + 2 * 3 * e * e + 2 * 3 * n * e + 2 * 3 * e * 32 + e * labels
    assert flops(ml, c, 3, 4) == 2 * decoder
    q2l = Query2Label(c, labels, width=e, heads=2, inner=32, dropout=0.0)
    cross = 2 * n * e * e + 2 * labels * e * e + 2 * labels * n * e + 2 * labels * e * 32
    among_labels = 4 * labels * e * e + 2 * labels * labels * e
    encoder = 4 * n * e * e + 2 * n * n * e + 2 * n * e * 32
    assert flops(q2l, c, 3, 4) == 2 * (n * c * e + encoder + 2 * (among_labels + cross) + e * labels)


@pytest.mark.parametrize(
    ("num_labels", "groups", "queries", "size"),
    [
        (80, 100, 80, 1),
        (100, 100, 100, 1),
        (101, 100, 100, 2),
        (1000, 100, 100, 10),
        (100_001, 100, 100, 1001),
        (2001, 2000, 2000, 2),  # an excess of less than 0.001 too
        (7, 3, 3, 3),
        (1, 5, 1, 1),
    ],
)
def test_every_label_has_a_place_in_a_group(num_labels, groups, queries, size):
    head = MLDecoder(4, num_labels, groups=groups, width=8, heads=2, inner=4)
    assert (head.num_queries, head.group_size) == (queries, size)
    assert head(torch.zeros(1, 4, 1, 1)).shape == (1, num_labels)


def test_columns_beyond_the_last_label_are_left_alone():
    head = built("ml_decoder", num_labels=7)  # three queries of three: two columns are over
    head(some_map()).sum().backward()
    gradient = head.group_Keg.grad
    assert (gradient[2, :, 1:] == 0).all()
    assert (gradient[2, :, 0] != 0).all()
    assert (gradient[:2] != 0).all()


def test_groups_are_scaled_by_their_own_fans():
    head = MLDecoder(4, 300, groups=3, width=96, heads=2, inner=4)
    expected = math.sqrt(2 / (96 + 100))
    assert head.group_Keg.std().item() == pytest.approx(expected, rel=0.05)


# Gradients ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADS)
def test_gradients_are_those_of_finite_differences(name):
    head = randomize(built(name, channels=4, num_labels=3))
    assert torch.autograd.gradcheck(head, (some_map(4, 1, 2, batch=1).requires_grad_(),))
    parameters = dict(head.named_parameters())
    map_BCHW = some_map(4, 1, 2, batch=1)

    def of_weights(*values):
        return torch.func.functional_call(head, dict(zip(parameters, values, strict=True)), (map_BCHW,))

    assert torch.autograd.gradcheck(of_weights, tuple(parameters.values()), fast_mode=True)


@pytest.mark.parametrize("name", HEADS)
def test_dropout_is_for_training_alone(name):
    head, map_BCHW = built(name, dropout=0.5), some_map()
    assert torch.equal(head(map_BCHW), head(map_BCHW))
    head.train()
    assert not torch.equal(head(map_BCHW), head(map_BCHW))


def test_queries_of_ml_decoder_are_fixed_and_saved():
    head = built("ml_decoder")
    assert "queries_Ke" in head.state_dict()
    assert "queries_Ke" not in dict(head.named_parameters())


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("linear", {"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ("ml_decoder", {"groups": 0}, "groups must be an integer of at least 1, got 0"),
        ("ml_decoder", {"heads": 3}, "width must be a multiple of heads=3, got 8"),
        ("ml_decoder", {"inner": 1.5}, "inner must be"),
        ("query2label", {"width": 10, "heads": 2}, "multiple of 4 and of heads=2, got 10"),
        ("query2label", {"heads": 3}, "heads=3, got 8"),
        ("query2label", {"decoder_layers": 0}, "decoder_layers must be"),
        ("query2label", {"dropout": -0.1}, "dropout must be"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(name, wrong, message):
    with pytest.raises(ValueError, match=message):
        built(name, **wrong)


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_empty_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="channels" if sizes[0] == 0 else "num_labels"):
        LinearHead(*sizes)
