"""Headers that bound what a browser does with our answers."""

from starlette.responses import Response

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_ALL = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers older than frame-ancestors
    "Referrer-Policy": "same-origin",  # no-referrer would make browsers send "Origin: null" with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PAGE = {"Cache-Control": "no-store", "Vary": "HX-Request, Cookie"}


def protect_page(response: Response) -> Response:
    response.headers.update(_ALL | _PAGE)
    return response


def protect_asset(response: Response) -> Response:
    response.headers.update(_ALL)
    return response
