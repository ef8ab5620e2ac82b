"""What the two clients do differently; sojourn._sync._io is the other half."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2

from .._files import CHUNK, Upload

HTTPClient = httpx2.AsyncClient


def make_http_client(verify: bool = True) -> httpx2.AsyncClient:
    """A client that keeps its connections and follows no redirects: those would carry the key elsewhere."""
    limits = httpx2.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=30)
    return httpx2.AsyncClient(limits=limits, verify=verify, follow_redirects=False)


async def close_http_client(client: httpx2.AsyncClient) -> None:
    """Closes the connections."""
    await client.aclose()


async def read_all(response: httpx2.Response) -> bytes:
    """The whole body."""
    return await response.aread()


async def close_response(response: httpx2.Response) -> None:
    """Gives the connection back."""
    await response.aclose()


def chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body in pieces as they come."""
    return response.aiter_bytes()


async def upload_chunks(upload: Upload) -> AsyncIterator[bytes]:
    """What is to be uploaded, in pieces; files are read in another thread."""
    with upload.open() as source:
        while piece := await asyncio.to_thread(source.read, CHUNK):
            yield piece


async def write_chunks(response: httpx2.Response, path: str) -> int:
    """Writes the body to a file and returns its size."""
    size = 0
    with open(path, "wb") as out:
        async for piece in response.aiter_bytes(CHUNK):
            await asyncio.to_thread(out.write, piece)
            size += len(piece)
    return size
