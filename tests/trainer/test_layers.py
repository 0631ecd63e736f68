import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import UsageError
from trainer.layers import ALL_LAYERS, BLOCKS, CONVOLUTIONS, check_layer, learning_layers

LISTED = [
    "scaled", "conv2d_94", "conv2d_98", "pool", "conv2d_102", "conv2d_99", "mixed0", "conv2d_104",
    "mixed1", "conv2d_106", "mixed2",
]  # fmt: skip
"""A network that was not the first of its process: its convolutions are counted from 94."""


def test_of_a_block_its_own_layers_learn_and_those_above() -> None:
    assert learning_layers(LISTED, "mixed1") == {"conv2d_104", "mixed1", "conv2d_106", "mixed2"}


def test_the_lowest_block_begins_after_the_stem() -> None:
    assert learning_layers(LISTED, "mixed0") == set(LISTED[3:])


def test_convolutions_are_counted_from_the_first_of_the_network() -> None:
    assert learning_layers(LISTED, "conv2d_5") == set(LISTED[5:])
    assert learning_layers(LISTED, "conv2d") == set(LISTED[1:])


def test_all_means_every_layer() -> None:
    assert learning_layers(LISTED, ALL_LAYERS) == set(LISTED)


@given(st.sampled_from((ALL_LAYERS, *BLOCKS, *CONVOLUTIONS)))
def test_every_name_that_is_offered_passes(name: str) -> None:
    check_layer(name)


@given(st.text(max_size=12).filter(lambda text: text not in (ALL_LAYERS, *BLOCKS, *CONVOLUTIONS)))
def test_any_other_name_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="mixed0, mixed1"):
        check_layer(name)
