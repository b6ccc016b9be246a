package bootstrap

import (
	"bytes"
	"compress/gzip"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCompressIsGzip: whatever the parts are, a decoder that is not ours reads them back, within the limit or above it.
func TestCompressIsGzip(t *testing.T) {
	part := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 2000),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "ab", "abc ", "egr_say"}), 0, 900),
			func(s []string) []byte { return []byte(strings.Join(s, "")) }),
		rapid.Map(rapid.IntRange(0, 5000), func(n int) []byte { return bytes.Repeat([]byte("x"), n) }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		s := script{part.Draw(rt, "jit"), part.Draw(rt, "code"), part.Draw(rt, "texts")}
		for _, limit := range []int{0, Limit} {
			r, err := gzip.NewReader(bytes.NewReader(compress(s, limit)))
			if err != nil {
				rt.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if want := slices.Concat(s.jit, s.code, s.texts); err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("limit %d: %d bytes come back as %d: %v", limit, len(want), len(got), err)
			}
		}
	})
}

// TestZlibReadsIt: cloud-init's Python and zcat decode by zlib, which is stricter about codes than Go.
func TestZlibReadsIt(t *testing.T) {
	for name, s := range map[string]script{
		"nothing":    {},
		"one letter": {texts: []byte("a")},
		"one copy":   {texts: bytes.Repeat([]byte("a"), 258)},
		"no copy":    {texts: []byte("abcdefghijklmnopqrstuvwxyz")},
		"ordinary":   ordinary().plain(false),
		"noise":      {code: []byte(noise(9000, printable)), texts: []byte(noise(40000, letters64))},
	} {
		cmd := exec.Command("gzip", "-dc")
		cmd.Stdin = bytes.NewReader(compress(s, 0))
		got, err := cmd.Output()
		if want := slices.Concat(s.jit, s.code, s.texts); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes come back as %d: %v", name, len(want), len(got), err)
		}
	}
}

// TestCompressIsShort: what it is for.
func TestCompressIsShort(t *testing.T) {
	plain := ordinary().plain(false)
	var theirs bytes.Buffer
	w, err := gzip.NewWriterLevel(&theirs, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(slices.Concat(plain.jit, plain.code, plain.texts))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if ours := len(compress(plain, 0)); ours > theirs.Len()-theirs.Len()/50 {
		t.Errorf("%d bytes, and compress/gzip makes %d of it", ours, theirs.Len())
	}
	if got := compress(script{texts: []byte(strings.Repeat("ab", 50000))}, 0); len(got) > 400 {
		t.Errorf("a text that repeats itself takes %d bytes", len(got))
	}
}
