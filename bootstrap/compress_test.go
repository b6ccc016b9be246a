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

// TestCompressIsGzip: the standard decoder reads back any parts.
func TestCompressIsGzip(t *testing.T) {
	part := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 2000),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "ab", "abc ", "egr_log"}), 0, 900),
			func(s []string) []byte { return []byte(strings.Join(s, "")) }),
		rapid.Map(rapid.IntRange(0, 5000), func(n int) []byte { return bytes.Repeat([]byte("x"), n) }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		s := script{part.Draw(rt, "jit"), part.Draw(rt, "code"), part.Draw(rt, "texts")}
		r, err := gzip.NewReader(bytes.NewReader(compress(s)))
		if err != nil {
			rt.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if want := slices.Concat(s.jit, s.code, s.texts); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("%d bytes come back as %d: %v", len(want), len(got), err)
		}
	})
}

// TestZlibReadsIt: cloud-init's Python and zcat use zlib, which is stricter about Huffman codes than Go.
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
		cmd.Stdin = bytes.NewReader(compress(s))
		got, err := cmd.Output()
		if want := slices.Concat(s.jit, s.code, s.texts); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes come back as %d: %v", name, len(want), len(got), err)
		}
	}
}

// TestCompressIsShort: parts with different letter frequencies get their own codes, and short ones share them.
func TestCompressIsShort(t *testing.T) {
	for name, s := range map[string]script{
		"ordinary": ordinary().plain(false),
		"noise":    {code: ordinary().plain(false).code, texts: []byte(noise(12000, letters64))},
	} {
		size, apart := len(compress(s)), len(gzipped(s.jit, s.code, s.texts))
		together := len(gzipped(slices.Concat(s.jit, s.code, s.texts)))
		if size != min(apart, together) || apart == together {
			t.Errorf("%s: %d bytes, and %d apart, %d together", name, size, apart, together)
		}
		if isNoise := name == "noise"; isNoise != (apart < together) {
			t.Errorf("%s: %d bytes apart, %d together", name, apart, together)
		}
	}
	if got := len(compress(script{texts: []byte(strings.Repeat("ab", 50000))})); got > 400 {
		t.Errorf("a text that repeats itself takes %d bytes", got)
	}
}
