"""GET /products: what is sold, out of PostgreSQL, and how often anybody has asked, counted in Redis. GET /health."""
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

counts = redis.Redis(host=os.environ["REDIS_HOST"])


def products():
    connection = psycopg2.connect("")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("select id, name, cents from product order by id")
            return [dict(zip(("id", "name", "cents"), row)) for row in cursor.fetchall()]
    finally:
        connection.close()


def health():
    counts.ping()
    psycopg2.connect("").close()
    return {"ok": True}


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            if self.path == "/products":
                self.answer(200, {"products": products(), "asked": counts.incr("asked"), "by": socket.gethostname()})
            elif self.path == "/health":
                self.answer(200, health())
            else:
                self.answer(404, {"error": f"there is no {self.path}"})
        except (psycopg2.Error, redis.RedisError) as error:
            print(error, file=sys.stderr)
            self.answer(503, {"error": "the shop is closed for a moment"})

    def answer(self, status, value):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 3000), Shop).serve_forever()
