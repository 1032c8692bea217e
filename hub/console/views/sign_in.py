"""Signing in and out."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.console.pages import FLASHES, Console
from hub.console.session import check_form, csrf_token, local_path, new_secret
from hub.domain.errors import RejectedError


def register(console: Console) -> None:
    console.open_page("/login", lambda request, _: _form(console, request))
    console.open_action("/login", lambda request, form: _sign_in(console, request, form.fields))
    console.open_action("/logout", lambda request, form: _sign_out(console, request, form.fields))


def _form(console: Console, request: Request) -> Response:
    session = request.cookies.get(console.cookies.session, "")
    target = local_path(request.query_params.get("next", "/"))
    if session and console.services.user_of(session):
        return RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
    flash = FLASHES.get(request.cookies.get(console.cookies.flash, ""))
    return _answer(console, request, HTTPStatus.OK, target=target, flash=flash)


def _sign_in(console: Console, request: Request, form: Mapping[str, str]) -> Response:
    name, target = form.get("name", "").strip(), local_path(form.get("next", "/"))
    address = request.client.host if request.client else ""
    try:
        _check(console, request, form)
        session = console.services.sign_in(name, form.get("password", ""), address)
    except RejectedError as refusal:
        status = HTTPStatus.FORBIDDEN if refusal.code == "HUB-2008" else HTTPStatus.UNAUTHORIZED
        return _answer(console, request, status, target=target, name=name, refusal=refusal)
    response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
    console.cookies.keep_session(response, session)
    console.cookies.forget(response, console.cookies.sign_in)
    return response


def _sign_out(console: Console, request: Request, form: Mapping[str, str]) -> Response:
    session = request.cookies.get(console.cookies.session, "")
    if session:
        check_form(request, session, form.get("csrf", ""), console.public_url)
        console.services.sign_out(session)
    response = console.done("/login", "signed_out")
    console.cookies.forget(response, console.cookies.session)
    return response


def _check(console: Console, request: Request, form: Mapping[str, str]) -> None:
    secret = request.cookies.get(console.cookies.sign_in, "")
    check_form(request, secret, form.get("csrf", ""), console.public_url)


def _answer(console: Console, request: Request, status: int, **context: object) -> Response:
    """The form is bound to a cookie of its own, or someone could be signed in unknowingly as someone else."""
    secret = request.cookies.get(console.cookies.sign_in) or new_secret()
    response = console.render_open("login.html", status, csrf=csrf_token(secret), **context)
    console.cookies.keep_sign_in(response, secret)
    console.cookies.forget(response, console.cookies.flash)
    return response
