import threading
import unittest

from sample_search.backend import Backend
from sample_search.client import Index, Refused


class TestBackend(unittest.TestCase):
    def setUp(self):
        self.backend = Backend(0)
        self.addCleanup(self.backend.server_close)
        threading.Thread(target=self.backend.serve_forever, daemon=True).start()
        self.addCleanup(self.backend.shutdown)
        self.index = Index(f"http://127.0.0.1:{self.backend.server_port}", "pets")

    def refused(self, status, method, last, body):
        with self.assertRaises(Refused) as caught:
            self.index._ask(method, last, body)
        self.assertEqual(status, caught.exception.status)

    def test_unknown_index(self):
        self.refused(404, "POST", "search", {"vector": [1]})

    def test_missing_vector(self):
        self.refused(400, "PUT", "rex", {"document": "a dog"})

    def test_vector_of_another_length(self):
        self.index.add({"rex": "a dog"})
        self.refused(400, "POST", "search", {"vector": [1]})

    def test_vector_that_is_no_numbers(self):
        self.refused(400, "PUT", "rex", {"vector": ["dog"]})

    def test_document_is_replaced(self):
        self.index.add({"rex": "a dog"})
        self.index.add({"rex": "a king"})
        self.assertEqual(["a king"], [hit["document"] for hit in self.index.search("king")])
