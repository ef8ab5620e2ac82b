"""The synchronous client, made from sojourn._async by unasyncd: edit that. Only _io.py is written by hand."""
