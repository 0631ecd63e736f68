"""Features by a real Ray cluster on this machine, in a process of its own as Ray wants."""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.pictures import picture, write_picture
from trainer.ray_actor import FeatureActor

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or find_spec("pyarrow") is None,
    reason="Ray is not installed: pip install 'ray[data]>=2.50'",
)

# A small network of convolutions; the real one would take a minute to convert.
DRIVER = """
import hashlib, sys
from pathlib import Path
import numpy as np
from monitor.inference.openvino_runtime import import_openvino
openvino = import_openvino()
from openvino import opset13 as ops
from trainer.ray_actor import FeatureActor
from trainer.ray_features import features_on_ray

def network():
    rng = np.random.default_rng(0)
    pictures = ops.parameter([-1, 64, 64, 3], dtype=np.uint8, name="pictures")
    maps = ops.transpose(ops.convert(pictures, "f32"), ops.constant([0, 3, 1, 2]))
    for wide, narrow in ((16, 3), (32, 16)):
        kernel = ops.constant(rng.normal(0, .1, (wide, narrow, 3, 3)).astype(np.float32))
        maps = ops.relu(ops.convolution(maps, kernel, [2, 2], [0, 0], [0, 0], [1, 1]))
    means = ops.reduce_mean(maps, ops.constant([2, 3]), keep_dims=False)
    return openvino.Model([means], [pictures], "small")

folder = Path(sys.argv[1])
files = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in sorted(folder.glob("*.jpg"))}
model = network()
far = {d: (f.astype(np.float16), s) for d, f, s in features_on_ray(files, model, 64, 32, "local")}
assert far.keys() == files.keys()
request = openvino.Core().compile_model(model, "CPU").create_infer_request()
from monitor.image import read_image, resize
from trainer.groups import thumbnail
names = list(files)
for start in range(0, len(names), 16):
    some = names[start : start + 16]
    pixels = np.zeros((16, 64, 64, 3), np.uint8)
    for slot, name in enumerate(some):
        pixels[slot] = resize(read_image(files[name]), 64, 64)
    near = request.infer({0: pixels})[0]
    for slot, name in enumerate(some):
        np.testing.assert_array_equal(far[name][0], near[slot].astype(np.float16))
        np.testing.assert_array_equal(far[name][1], thumbnail(read_image(files[name])))
assert "tensorflow" not in sys.modules
print("the same")
"""


@needs_ray
def test_a_cluster_gives_the_same_features_as_this_process(tmp_path: Path) -> None:
    for number in range(40):
        write_picture(tmp_path / f"{number}.jpg", picture("fire", number))
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path)],
        # Ray's workers are nice to others; beside other tests they would hardly run.
        env={**os.environ, "RAY_worker_niceness": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("the same"), done.stderr[-3000:]


def test_nothing_of_ray_is_imported_unless_it_is_used() -> None:
    code = "import sys, trainer.ray_features; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_picture_that_a_node_has_not_or_has_another_of_is_told(tmp_path: Path) -> None:
    actor = FeatureActor.__new__(FeatureActor)
    actor._side, actor._width, actor._request = 8, 4, _Nothing()
    path = write_picture(tmp_path / "a.jpg", picture("fire", 1))
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    found = actor({
        "path": np.array([str(path), str(path), str(tmp_path / "b.jpg")]),
        "digest": np.array([right, "0" * 64, right]),
    })  # fmt: skip
    assert found["fault"][0] == ""
    assert "another picture" in found["fault"][1]
    assert "No such file" in found["fault"][2]


class _Nothing:
    def infer(self, inputs: dict[int, NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return [np.zeros((len(inputs[0]), 4), np.float32)]
