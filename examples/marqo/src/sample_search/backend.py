"""A server that keeps vectors and finds the nearest ones: what stands in for the search backend of the real thing.

    PORT=8080 python -m sample_search.backend

    PUT  /INDEX/ID       {"vector": […], "document": …}
    POST /INDEX/search   {"vector": […], "limit": 3}      → {"hits": [{"id", "score", "document"}, …], "device": …}

DEVICE is where it computes (cpu or cuda). With KEY set it wants it as a bearer token. It needs nothing beyond Python.
"""

import hmac
import http.server
import json
import os

from sample_search.score import scores


class Backend(http.server.HTTPServer):
    """One request at a time, so that all of them use the GPU from one thread."""

    def __init__(self, port, device="cpu", key=""):
        super().__init__(("127.0.0.1", port), Handler)
        self.device, self.key, self.indexes = device, key, {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"device": self.server.device})

    def do_PUT(self):
        self.attend(self.store)

    def do_POST(self):
        self.attend(self.search)

    def attend(self, work):
        try:
            given = self.headers.get("Authorization", "").encode()
            if self.server.key and not hmac.compare_digest(given, f"Bearer {self.server.key}".encode()):
                return self.answer(401, {"error": "the key is missing or wrong"})
            _, index, last = self.path.split("/")
            self.answer(200, work(index, last, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        except LookupError as err:
            self.answer(404, {"error": f"there is no {err}"})
        except (ValueError, TypeError) as err:
            self.answer(400, {"error": str(err)})
        except Exception as err:  # noqa: BLE001 - the client is told what went wrong, whatever it is
            self.answer(500, {"error": str(err)})

    def store(self, index, name, body):
        vector = [float(x) for x in body.get("vector") or []]
        if not vector:
            raise ValueError("the vector is missing")
        self.server.indexes.setdefault(index, {})[name] = (vector, body.get("document"))
        return {"stored": name}

    def search(self, index, _, body):
        entries = self.server.indexes[index]
        found = scores([vector for vector, _ in entries.values()], body["vector"], self.server.device)
        hits = [{"id": name, "score": score, "document": entries[name][1]} for name, score in zip(entries, found)]
        hits.sort(key=lambda hit: (-hit["score"], hit["id"]))
        return {"hits": hits[: body.get("limit", 10)], "device": self.server.device}

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Backend(int(os.environ["PORT"]), os.environ.get("DEVICE", "cpu"), os.environ.get("KEY", "")).serve_forever()
