package bootstrap

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// compress makes one gzip member (RFC 1952) without a time, so that it is deterministic. A user's script that hardly
// compresses leaves no room to waste: letters of another frequency get codes of their own where that is shorter. Below
// the limit no byte is worth the time of another try, as a start makes one for each of its machines; above it the
// shortest is returned.
func compress(s script, limit int) []byte {
	text := slices.Concat(s.jit, s.code, s.texts)
	all := findCopies(text)
	jit, code, end := len(s.jit), len(s.jit)+len(s.code), len(text)
	var best []byte
	for _, ends := range [][]int{{end}, {code, end}, {jit, end}, {jit, code, end}} {
		// No block is empty, but for the one of an empty text.
		if n := len(ends); n > 1 && (ends[0] == 0 || ends[n-2] == ends[n-1]) {
			continue
		}
		if stream := deflate(text, all, ends); best == nil || len(stream) < len(best) {
			best = stream
		}
		if gzipOverhead+len(best) <= limit {
			break
		}
	}
	return pack(text, best)
}

// gzipOverhead is what a member has beside its stream.
const gzipOverhead = 18

func pack(text, stream []byte) []byte {
	var b bytes.Buffer
	// Magic, deflate, no flags, no time, best compression, Unix.
	b.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3})
	b.Write(stream)
	b.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(text)))
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
	return b.Bytes()
}
