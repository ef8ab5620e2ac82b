"""The worker: one asyncio loop that talks to the server, handlers on it (async def) or in threads (def)."""
