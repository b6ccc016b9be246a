package bootstrap

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// compress makes one gzip member (RFC 1952) without a time, so that it is deterministic. A user's script
// that hardly compresses leaves no room to waste: letters of another frequency get a table of their own
// where that is shorter, with or without a search for repetitions. Below the limit no byte is worth the
// time of another try, as a start makes one for each of its machines; above it the shortest is returned.
func compress(s script, limit int) []byte {
	var best []byte
	for _, segments := range [][]segment{
		{{slices.Concat(s.jit, s.code, s.texts), flate.BestCompression}},
		{{slices.Concat(s.jit, s.code), flate.BestCompression}, {s.texts, flate.BestCompression}},
		{{slices.Concat(s.jit, s.code), flate.BestCompression}, {s.texts, flate.HuffmanOnly}},
		{{s.jit, flate.HuffmanOnly}, {slices.Concat(s.code, s.texts), flate.BestCompression}},
		{{s.jit, flate.HuffmanOnly}, {s.code, flate.BestCompression}, {s.texts, flate.BestCompression}},
		{{s.jit, flate.HuffmanOnly}, {s.code, flate.BestCompression}, {s.texts, flate.HuffmanOnly}},
	} {
		if data := pack(segments); best == nil || len(data) < len(best) {
			best = data
		}
		if len(best) <= limit {
			break
		}
	}
	return best
}

type segment struct {
	text  []byte
	level int
}

func pack(segments []segment) []byte {
	var b bytes.Buffer
	// Magic, deflate, no flags, no time, best compression, Unix.
	b.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3})
	sum, size := crc32.NewIEEE(), uint32(0)
	for i, s := range segments {
		deflate(&b, s.level, s.text, i == len(segments)-1)
		_, _ = sum.Write(s.text)
		size += uint32(len(s.text))
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	b.Write(binary.LittleEndian.AppendUint32(nil, size))
	return b.Bytes()
}

// deflate appends to a deflate stream, and ends it if these are the last bytes. Nothing here can fail: the
// levels are constants and a bytes.Buffer takes everything.
func deflate(to *bytes.Buffer, level int, text []byte, last bool) {
	w, err := flate.NewWriter(to, level)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil && last {
		err = w.Close()
	} else if err == nil {
		err = w.Flush()
	}
	if err != nil {
		panic("deflate: " + err.Error())
	}
}
