"""Puts what ships beside the code into the wheel: default bundle, examples, rules, units.

A checkout that is installed in place (editable) uses the files where they are, so nothing is
copied for it.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("config", "models/default", "systemd")


class ShareHook(BuildHookInterface[Any]):
    """Adds the shipped folders to a standard wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folders to include.

        Raises:
            FileNotFoundError: one of them is missing; such a wheel would not run.
        """
        if version != "standard":
            return
        for folder in SHIPPED:
            source = Path(self.root) / folder
            if not source.is_dir():
                raise FileNotFoundError(f"{source} is missing; a wheel without it would not run")
            build_data["force_include"][str(source)] = f"monitor/_share/{folder}"
