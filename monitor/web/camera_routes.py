"""State below ``/api/v1``: the daemon's, each camera's, and what cameras see now."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path
from fastapi.responses import Response

from monitor.web.api import (
    CamerasJson,
    FullCameraJson,
    StatusJson,
    full_camera_json,
    status_json,
)
from monitor.web.desk import Desk
from monitor.web.refusals import READING, UNKNOWN
from monitor.web.view import StateView

Name = Annotated[str, Path(max_length=63)]


def camera_routes(view: StateView, desk: Desk) -> APIRouter:
    """The routes of cameras."""
    routes = APIRouter(prefix="/api/v1", tags=["cameras"])

    @routes.get("/status", summary="Cameras, scores and alerts", responses=READING)
    def status() -> StatusJson:
        return status_json(view.snapshot())

    @routes.get("/cameras", summary="Cameras with what is to be drawn of them", responses=READING)
    def cameras() -> CamerasJson:
        snapshot = view.snapshot()
        return CamerasJson(
            at=snapshot.at,
            cameras=[full_camera_json(snapshot, camera) for camera in snapshot.cameras],
        )

    @routes.get("/cameras/{name}", summary="One camera", responses=READING | UNKNOWN)
    def camera(name: Name) -> FullCameraJson:
        snapshot = view.snapshot()
        for found in snapshot.cameras:
            if found.name == name:
                return full_camera_json(snapshot, found)
        raise HTTPException(404, f"there is no camera '{name}' that is watched")

    @routes.get(
        "/cameras/{name}/thumbnail.jpg", summary="What a camera sees now, small",
        response_class=Response,
        responses={
            **READING, **UNKNOWN,
            200: {"description": "The picture", "content": {"image/jpeg": {}}},
            304: {"description": "It is the one that `If-None-Match` names"},
        },
    )  # fmt: skip
    def thumbnail(
        name: Name, if_none_match: Annotated[str | None, Header(max_length=256)] = None
    ) -> Response:
        found = desk.thumbnail(name)
        if found is None:
            raise HTTPException(404, f"there is no picture of a camera '{name}'")
        tag = f'"{found.sequence}-{found.captured_at:.3f}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(found.jpeg, media_type="image/jpeg", headers=headers)

    return routes
