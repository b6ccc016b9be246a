package script

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// writeText returns a command that writes a file of a given size, the same in each run.
func writeText(text func(*rand.Rand, int) string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: text|noise FILE BYTES")
		}
		made := text(rand.New(rand.NewPCG(1, 2)), number(ts, args[1])) + "\n"
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(made), 0o600))
	}
}

// words returns lines of ordinary shell.
func words(random *rand.Rand, n int) string {
	list := strings.Fields("apt-get install -y docker.io; export PATH=/opt/tools/bin:$PATH; if [ -d /mnt/cache ]; " +
		"then mount /dev/nvme1n1 /mnt/cache; fi # why")
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(list[random.IntN(len(list))])
		b.WriteByte(" \n"[min(random.IntN(9), 1)^1])
	}
	return b.String()[:n-1] + ":"
}

// noise returns random letters of base64.
func noise(random *rand.Rand, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// unzip decompresses as cloud-init does.
func unzip(ts *testscript.TestScript, data []byte) []byte {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	ts.Check(err)
	plain, err := io.ReadAll(reader)
	ts.Check(err)
	return plain
}

func decodeBase64(ts *testscript.TestScript, text string) string {
	plain, err := base64.StdEncoding.DecodeString(text)
	ts.Check(err)
	return string(plain)
}
