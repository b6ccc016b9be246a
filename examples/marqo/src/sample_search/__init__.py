"""A search engine as small as can be, to try the pipeline on: put your own code in its place.

embed.py makes vectors of texts, score.py compares them (on the CPU, or by cuda.py on a GPU), backend.py is a
server that keeps and searches them, client.py talks to it.
"""
