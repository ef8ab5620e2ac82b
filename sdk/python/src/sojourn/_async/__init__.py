"""The asynchronous client. The synchronous one in sojourn._sync is made from this by unasyncd."""
