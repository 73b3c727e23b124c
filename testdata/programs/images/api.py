"""Stands for the APIs of the charts: says at /health whether its database answers."""

import http.server
import os
import sys

import psycopg2


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, said = 200, "well"
        address = os.environ.get("DATABASE_URL")
        if address:
            try:
                psycopg2.connect(address, connect_timeout=2).close()
            except psycopg2.OperationalError as error:
                status, said = 503, str(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(said.encode())


http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
