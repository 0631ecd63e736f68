"""The one place where OpenVINO is imported: late, and without its telemetry."""

import importlib
import sys
from types import ModuleType
from typing import Any


def import_openvino() -> Any:
    """Import OpenVINO so that it stays silent, and give the module.

    On its own, ``import openvino`` writes an identity into the home folder and reports use to its
    makers over the network. What watches cameras calls nobody, so an empty module stands in for
    the telemetry package; OpenVINO takes that for not installed. It also saves 80 ms of start.
    """
    sys.modules.setdefault("openvino_telemetry", ModuleType("openvino_telemetry"))
    return importlib.import_module("openvino")
