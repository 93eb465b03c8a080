"""Both services' HTTP APIs: connection, requests, transport, and what a response means."""
