"""An HTTP client of a gateway, for single requests."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from events.errors import LapstreamError

TIMEOUT_SECONDS = 30.0
SCHEMES = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class BadGatewayUrl(LapstreamError):
    """Not the URL of a gateway."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url!r} is not a gateway's address such as http://127.0.0.1:8000")


class NoGateway(LapstreamError):
    """No answer from that address, or not from a gateway."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"no gateway answers at {url}: {reason}")


class GatewayRefused(LapstreamError):
    """The gateway refused a request."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        hint = "; give one with --token or LAPSTREAM_TOKEN" if status == 401 else ""
        super().__init__(f"the gateway refused ({status}): {detail}{hint}")


class GatewayClient:
    """A gateway at a URL, with a bearer token if one is needed. Raises BadGatewayUrl."""

    def __init__(self, url: str, token: str | None = None) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise BadGatewayUrl(url) from None
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise BadGatewayUrl(url)
        self._url = url
        self._open = SCHEMES[parts.scheme]
        self._host, self._port, self._path = parts.hostname, port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer, None for an empty one. Raises NoGateway and GatewayRefused."""
        status, raw = self._exchange(method, path, body)
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            raise NoGateway(self._url, "what answers there is not a gateway") from None
        if status >= http.client.BAD_REQUEST:
            detail = answer.get("detail") if isinstance(answer, dict) else None
            raise GatewayRefused(status, str(detail or http.client.responses.get(status, "no")))
        return answer

    def _exchange(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        headers, sent = dict(self._headers), None
        if body is not None:
            headers["Content-Type"], sent = "application/json", json.dumps(body).encode()
        connection = self._open(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, self._path + path, sent, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoGateway(self._url, str(error) or type(error).__name__) from None
        except ValueError:  # its text may contain the token
            reason = "the address or the token contains characters that cannot be sent"
            raise NoGateway(self._url, reason) from None
        finally:
            connection.close()
