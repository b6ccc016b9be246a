"""An index of a search backend."""

import json
import urllib.error
import urllib.request

from sample_search.embed import embed


class Refused(RuntimeError):
    """The backend did not do it. status is HTTP's."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Index:
    def __init__(self, url, name, key=""):
        self.url, self.name, self.key = url.rstrip("/"), name, key

    def add(self, documents):
        """Store documents, a dict of texts by id."""
        for identity, text in documents.items():
            self._ask("PUT", identity, {"vector": embed(text), "document": text})

    def search(self, text, limit=3):
        """Return the hits that are most like the text, best first, each with id, score and document."""
        return self._ask("POST", "search", {"vector": embed(text), "limit": limit})["hits"]

    def _ask(self, method, last, body):
        request = urllib.request.Request(f"{self.url}/{self.name}/{last}", json.dumps(body).encode(), method=method)
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as err:
            raise Refused(err.code, err.read().decode()) from err
