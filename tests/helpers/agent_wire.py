"""Consul's and Nomad's adapters with the wire replaced: answers come from a table, requests are kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from bakery.agents.consul import Consul
from bakery.agents.model import Target, TlsFiles
from bakery.agents.nomad import Nomad

TOKEN = "c0ffee00-0000-4000-8000-00000000ca4a"
SECRET = "c0ffee00-0000-4000-8000-0000000b0075"
OUR_KEY = "Q0FOQVJZLW91ci1nb3NzaXAta2V5LTAxMjM0NTY3ODk="
TLS = TlsFiles(ca=Path("ca.pem"), certificate=Path("cert.pem"), key=Path("key.pem"))


class Wire(BaseAdapter):
    """Answers from a table of "METHOD path"; keeps the requests."""

    def __init__(self, answers: Mapping[str, tuple[int, str]]) -> None:
        super().__init__()
        self.answers = dict(answers)
        self.requests: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        self.requests.append(request)
        status, body = self.answers[f"{request.method} {request.path_url}"]
        response = requests.Response()
        response.status_code = status
        response._content = body.encode()
        response.request, response.url = request, str(request.url)
        if status in (301, 302, 307):
            response.headers["Location"] = "https://127.0.0.1:1/elsewhere"
        return response

    def close(self) -> None: ...

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path_url}" for request in self.requests]


def target(port: int = 8501) -> Target:
    return Target(
        address="198.18.0.1", port=port, server_name="server.demo.consul", tls=TLS, token=TOKEN, gossip_key=OUR_KEY
    )


def client_of(product: type[Consul] | type[Nomad]) -> Consul | Nomad:
    return Nomad(target(), region="global") if product is Nomad else Consul(target())


def put_wire(agent: Consul | Nomad, answers: Mapping[str, tuple[int, Any]]) -> Wire:
    texts = {
        key: (status, body if isinstance(body, str) else json.dumps(body))
        for key, (status, body) in answers.items()
    }
    wire = Wire(texts)
    agent._http._session.mount("https://", wire)
    return wire


def answer(consul_or_nomad: type[Consul] | type[Nomad], key: str, status: int, body: Any) -> Any:  # noqa: ANN401
    agent = client_of(consul_or_nomad)
    put_wire(agent, {key: (status, body)})
    return agent
