"""What the two clients do differently; sojourn._async._io is the other half."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from .._files import CHUNK, Upload

HTTPClient = httpx2.Client


def make_http_client(verify: bool = True) -> httpx2.Client:
    """A client that keeps its connections and follows no redirects: those would carry the key elsewhere."""
    limits = httpx2.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30)
    return httpx2.Client(limits=limits, verify=verify, follow_redirects=False)


def close_http_client(client: httpx2.Client) -> None:
    """Closes the connections."""
    client.close()


def read_all(response: httpx2.Response) -> bytes:
    """The whole body."""
    return response.read()


def close_response(response: httpx2.Response) -> None:
    """Gives the connection back."""
    response.close()


def chunks(response: httpx2.Response) -> Iterator[bytes]:
    """The body in pieces as they come."""
    return response.iter_bytes()


def upload_chunks(upload: Upload) -> Iterator[bytes]:
    """What is to be uploaded, in pieces."""
    with upload.open() as source:
        while piece := source.read(CHUNK):
            yield piece


def write_chunks(response: httpx2.Response, path: str) -> int:
    """Writes the body to a file and returns its size."""
    size = 0
    with open(path, "wb") as out:
        for piece in response.iter_bytes(CHUNK):
            out.write(piece)
            size += len(piece)
    return size
