package bootstrap

import (
	"bytes"
	"compress/gzip"
	"slices"
	"sync"
)

// compress makes one gzip member without a time, so that it is deterministic: of all parts together or with codes of
// their own for each, whichever is shorter. A user's script that hardly compresses leaves no room to waste.
func compress(s script) []byte {
	together, apart := gzipped(slices.Concat(s.jit, s.code, s.texts)), gzipped(s.jit, s.code, s.texts)
	if len(apart) < len(together) {
		return apart
	}
	return together
}

// writers are kept, since a new one takes a megabyte.
var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // fails for a level that there is not
	return w
}}

// gzipped ends a block after each part: the next one gets codes by its own frequencies.
func gzipped(parts ...[]byte) []byte {
	var b bytes.Buffer
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	for i, part := range parts {
		if i > 0 {
			_ = w.Flush()
		}
		_, _ = w.Write(part) // a buffer takes all
	}
	_ = w.Close()
	return b.Bytes()
}
