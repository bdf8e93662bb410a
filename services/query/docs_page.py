"""`/docs`: the API to read and to try, with Swagger UI's files from its package, so that it works without the internet."""

from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from starlette.responses import Response

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
HTML: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Framebus API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
"""
TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


def add_docs(app: FastAPI) -> None:
    """Serve the page and its files."""
    contents = {"": (HTML.encode(), "text/html"), "/start.js": (START.encode(), "text/javascript")}
    folder = files("fastapi_swagger.resources")
    contents |= {f"/{name}": (folder.joinpath(name).read_bytes(), media_type) for name, media_type in TYPES.items()}
    for name, (content, media_type) in contents.items():
        _serve(app, f"/docs{name}", content, media_type)


def _serve(app: FastAPI, path: str, content: bytes, media_type: str) -> None:
    async def answer() -> Response:
        return Response(content, headers=HEADERS, media_type=media_type)

    app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)
