import io
import math
import subprocess
import sys
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lgeqa.evaluation.embedding import Separation
from lgeqa.evaluation.figures import (
    Example,
    Panel,
    Strategy,
    attention_figure,
    curves_figure,
    embedding_figure,
)
from lgeqa.evaluation.figures.attention import spread_map
from lgeqa.frontend.colours import overlay_colour

MODELS = ("baseline", "multi-task")


def example(label: bool = True, size: float = 1.0, models: tuple[str, ...] = MODELS) -> Example:
    """The first model is right and the others are wrong."""
    atrium = np.zeros((128, 128), bool)
    atrium[40:80, 50:90] = True
    maps = {name: np.random.default_rng(place).normal(0, size, (4, 4)) for place, name in enumerate(models)}
    predictions = {name: label if place == 0 else not label for place, name in enumerate(models)}
    return Example("lge-001, slice 9", np.ones((128, 128), np.float32), atrium, label, predictions, maps)


def panel(reason: str = "") -> Panel:
    labels = np.arange(30) % 3 == 0
    figure = math.nan if reason else 0.25
    apart = Separation(figure, figure, 2 / 3, 15, reason)
    return Panel("Baseline", np.arange(60.0).reshape(30, 2), labels, list("abc") * 10, apart)


def strategy(epochs: tuple[int, ...] = (6, 4), watched: str = "validation/mse") -> Strategy:
    runs = [
        {epoch: {"train/loss": place + epoch, "validation/mse": 1.0} for epoch in range(n)}
        for place, n in enumerate(epochs)
    ]
    return Strategy("Baseline", runs, "train/loss", watched)


FIGURES: list[Callable[[], Figure]] = [
    lambda: attention_figure([example(), example(label=False)]),
    lambda: embedding_figure([panel(), panel("1 patient with diagnostic slices; two are needed")]),
    lambda: curves_figure([strategy(), strategy()]),
]


def panels(figure: Figure) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]


@pytest.mark.parametrize("make", FIGURES)
def test_no_words_are_cut_off_or_run_into_each_other(make: Callable[[], Figure]) -> None:
    figure = make()
    figure.savefig(io.BytesIO(), format="png", dpi=100)

    frame = figure.bbox
    words = [text for axis in figure.axes for text in (axis.title, axis.xaxis.label, axis.yaxis.label)]
    boxes = [text.get_window_extent() for text in words if text.get_text()]
    assert len(boxes) >= 2
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])


@pytest.mark.parametrize("make", FIGURES)
def test_settings_of_others_are_left_alone(make: Callable[[], Figure]) -> None:
    before = dict(mpl.rcParams)

    make().savefig(io.BytesIO(), format="png")

    assert dict(mpl.rcParams) == before


def test_pyplot_is_not_used() -> None:
    script = "import sys, lgeqa.evaluation.figures\nprint('matplotlib.pyplot' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_attention_says_what_was_true_and_what_was_predicted() -> None:
    axes = panels(attention_figure([example(), example(label=False)]))

    assert [axis.get_title() for axis in axes] == ["slice", *MODELS, "", "", ""]
    assert [axis.get_xlabel() for axis in axes] == [
        "true: diagnostic", "predicted: diagnostic, right", "predicted: non-diagnostic, wrong",
        "true: non-diagnostic", "predicted: non-diagnostic, right", "predicted: diagnostic, wrong",
    ]  # fmt: skip
    assert axes[0].get_ylabel() == "lge-001, slice 9"


def test_attention_shows_all_maps_on_one_scale_about_0() -> None:
    rows = [example(size=1), example(size=0.01)]

    figure = attention_figure(rows)
    axes = panels(figure)

    assert len(figure.axes) == len(axes) + 1
    assert "one colour scale for the whole figure" in figure.get_supxlabel()
    reach = max(np.abs(found).max() for row in rows for found in row.maps.values())
    for place, row in enumerate(rows):
        for axis, model in zip(axes[3 * place + 1 : 3 * place + 3], MODELS, strict=True):
            base, over = axis.images
            np.testing.assert_array_equal(base.get_array(), row.pixels)
            np.testing.assert_array_equal(over.get_array(), spread_map(row.maps[model], (128, 128)))
            np.testing.assert_allclose(over.get_clim(), (-reach, reach))


def test_attention_has_the_colours_of_the_report() -> None:
    over = panels(attention_figure([example()]))[1].images[1]

    assert over.cmap is not None
    below, nothing, above = over.cmap([0.0, 0.5, 1.0])
    assert to_hex(above) == overlay_colour("heat-for")
    assert to_hex(below) == overlay_colour("heat-against")
    assert nothing[3] == 0
    assert above[3] == below[3] > 0.5


def test_attention_of_nothing_can_be_drawn() -> None:
    nothing = {model: np.zeros((4, 4)) for model in MODELS}
    row = example()
    empty = Example(row.title, row.pixels, row.atrium & False, row.label, row.predictions, nothing)

    attention_figure([empty]).savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize("rows", [[], [example(), example(models=("other", "multi-task"))]])
def test_rows_of_other_models_are_refused(rows: list[Example]) -> None:
    with pytest.raises(ValueError, match="of the same models, got"):
        attention_figure(rows)


def test_a_cell_is_where_the_encoder_looks() -> None:
    """Strides keep the first sample in place: cell (1, 2) of 4 x 4 is centred on pixel (32, 64) of 128 x 128."""
    found = np.zeros((4, 4))
    found[1, 2] = 5

    spread = spread_map(found, (128, 128))

    assert spread.argmax() == 32 * 128 + 64
    assert spread[32, 64] == 5
    np.testing.assert_array_equal(spread_map(found[:1, 2:3] + 3, (128, 128)), np.full((128, 128), 3.0))
    np.testing.assert_allclose(spread[32, 64 - 16], 2.5)
    np.testing.assert_allclose(spread[32 - 16, 64], 2.5)


def test_a_spread_map_makes_up_no_values() -> None:
    for seed in range(20):
        found = np.random.default_rng(seed).normal(size=(4, 5))
        spread = spread_map(found, (128, 160))
        np.testing.assert_allclose(spread[::32, ::32], found)
        assert found.min() - 1e-12 <= spread.min() <= spread.max() <= found.max() + 1e-12


def test_embedding_shows_classes_by_colour_and_shape() -> None:
    shown = panel()
    [axis] = embedding_figure([shown]).axes

    spokes, poor, good = axis.collections
    assert (poor.get_label(), good.get_label()) == ("non-diagnostic", "diagnostic")
    np.testing.assert_array_equal(good.get_offsets(), shown.plane[shown.labels])
    np.testing.assert_array_equal(poor.get_offsets(), shown.plane[~shown.labels])
    assert not np.array_equal(good.get_facecolor(), poor.get_facecolor())
    assert np.shape(good.get_paths()[0].vertices) != np.shape(poor.get_paths()[0].vertices)
    assert spokes.get_label() == "one patient"


def test_embedding_joins_the_slices_of_each_patient() -> None:
    shown = panel()
    [axis] = embedding_figure([shown]).axes

    spokes = axis.collections[0]
    assert isinstance(spokes, LineCollection)
    lines = [segment.tolist() for segment in spokes.get_segments()]
    ends = sorted(end for _, end in lines)
    assert ends == sorted(shown.plane.tolist())
    owner = {tuple(point): patient for point, patient in zip(shown.plane.tolist(), shown.patients, strict=True)}
    assert all(owner[tuple(start)] == owner[tuple(end)] for start, end in lines)
    assert len({tuple(start) for start, _ in lines}) == 3


def test_embedding_says_how_far_classes_are_apart() -> None:
    figure = embedding_figure([panel(), panel("1 patient with non-diagnostic slices; two are needed")])

    first, second = (axis.get_title() for axis in figure.axes)
    assert first == "Baseline\nsilhouette 0.25\naccuracy of 15 neighbours 0.25 (larger class 0.67)"
    assert second.replace("\n", " ") == (
        "Baseline separation undefined: 1 patient with non-diagnostic slices; two are needed"
    )


def test_curves_have_a_line_for_each_run_and_a_common_mean() -> None:
    loss, watched = curves_figure([strategy((6, 4))]).axes

    thin, shorter, mean = loss.lines
    assert thin.get_linewidth() < mean.get_linewidth()
    np.testing.assert_array_equal(thin.get_xdata(), [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(shorter.get_ydata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(mean.get_xdata(), [0, 1, 2, 3])
    np.testing.assert_array_equal(mean.get_ydata(), [0.5, 1.5, 2.5, 3.5])
    assert (loss.get_ylabel(), watched.get_ylabel()) == ("train/loss", "validation/mse")
    assert (loss.get_title(), watched.get_title()) == ("Baseline", "")


def test_one_run_has_no_mean() -> None:
    assert [len(axis.lines) for axis in curves_figure([strategy((5,))]).axes] == [1, 1]


def test_a_figure_that_no_run_logged_is_refused() -> None:
    with pytest.raises(ValueError, match="Baseline: no run logged 'validation/auroc'"):
        curves_figure([strategy(watched="validation/auroc")])
