package bootstrap

import (
	"bytes"
	"compress/gzip"
	"slices"
	"sync"
)

// compress returns one gzip member without a modification time, so that it is deterministic. The parts share Huffman
// codes or have their own, whichever is shorter: with a script that hardly compresses every byte counts.
func compress(s script) []byte {
	together, apart := gzipped(slices.Concat(s.jit, s.code, s.texts)), gzipped(s.jit, s.code, s.texts)
	if len(apart) < len(together) {
		return apart
	}
	return together
}

// writers is a pool since a new writer allocates a megabyte.
var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // fails only if the level is invalid
	return w
}}

// gzipped compresses the parts as blocks of one gzip member, each with its own Huffman codes.
func gzipped(parts ...[]byte) []byte {
	var b bytes.Buffer
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	for i, part := range parts {
		if i > 0 {
			_ = w.Flush()
		}
		_, _ = w.Write(part) // never fails on a buffer
	}
	_ = w.Close()
	return b.Bytes()
}
