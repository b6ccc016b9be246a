package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings is what a machine reads out of its user data. Two dialects are understood: shell in the manner of machulav's
// action, with config.sh's and run.sh's own options, and lines egr_KEY=BASE64.
type settings struct {
	ours       bool // the second dialect
	index      int
	arm        bool
	url        string
	name       string
	other      string // the name to take where another machine has name
	labels     []string
	token, jit string
	replace    bool
	ephemeral  bool
	hard       bool
	jobReport  bool
	bake       string // the architecture of the image that the machine builds; "" for a runner
	nonce      string // of its console lines
	end        int64  // when a builder powers itself off, in seconds since 1970; 0 for never
	warm       bool   // a warm-up: it registers nothing
	text       string // of the second dialect, unpacked

	registrationTimeout, idleTimeout, maxLifetime, keepFailed, keepEnded time.Duration
}

// architecture is the label that config.sh gives a runner by itself.
func (s settings) architecture() string {
	if s.arm {
		return "ARM64"
	}
	return "X64"
}

func (s settings) registers() bool { return s.token != "" || s.jit != "" }

var (
	egrLine    = regexp.MustCompile(`^egr_([a-z0-9_]+)=([A-Za-z0-9+/]*={0,2})\r?$`)
	optionName = regexp.MustCompile(`--name[ =]+("[^"]*"|'[^']*'|[^\s\\]+)`)
	optionTags = regexp.MustCompile(`--labels[ =]+("[^"]*"|'[^']*'|[^\s\\]+)`)
	optionKey  = regexp.MustCompile(`--token[ =]+("[^"]*"|'[^']*'|[^\s\\]+)`)
	optionURL  = regexp.MustCompile(`--url[ =]+("[^"]*"|'[^']*'|[^\s\\]+)`)
)

// readUserData reads user data as the machine gets it, compressed or not.
func readUserData(data string, index int) settings {
	s := settings{index: index}
	text := unpack(data)
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "egr_") { // spares the pattern most lines
			continue
		}
		if m := egrLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
			if v, err := base64.StdEncoding.DecodeString(m[2]); err == nil {
				values[m[1]] = string(v)
				s.ours = true
			}
		}
	}
	if s.ours {
		s.readOurs(values, text)
	} else {
		s.readOptions(text)
	}
	return s
}

func unpack(data string) string {
	if !strings.HasPrefix(data, "\x1f\x8b") {
		return data
	}
	reader, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(reader, 16<<20)); err != nil {
		return ""
	}
	return b.String()
}

func (s *settings) readOurs(values map[string]string, text string) {
	s.name, s.other, s.url, s.token, s.jit = values["name"], values["other"], values["url"], values["token"],
		values["jit"]
	s.replace = s.other == ""
	if values["labels"] != "" {
		s.labels = strings.Split(values["labels"], ",")
	}
	if values["name_by_index"] == "true" {
		suffix := "-" + strconv.Itoa(s.index)
		if s.name += suffix; s.other != "" {
			s.other += suffix
		}
	}
	if s.jit == "" && s.token == "" && values["bake"] == "" && values["warm"] == "" {
		s.jit = longBase64(text)
	}
	s.ephemeral, s.hard = values["ephemeral"] == "true", values["max_lifetime_hard"] == "true"
	seconds := func(key string) time.Duration {
		n, _ := strconv.Atoi(values[key]) // unset and unreadable mean none
		return time.Duration(n) * time.Second
	}
	s.jobReport = values["job_report"] == "true"
	s.warm, s.text = values["warm"] == "true", text
	s.bake, s.nonce = values["bake"], values["nonce"]
	s.end, _ = strconv.ParseInt(values["end"], 10, 64) // unset means never
	s.keepFailed, s.keepEnded = seconds("keep_failed_seconds"), seconds("keep_ended_seconds")
	if s.ephemeral && s.keepEnded == 0 {
		s.keepEnded = time.Second
	}
	s.registrationTimeout, s.idleTimeout, s.maxLifetime = seconds("registration_timeout_seconds"),
		seconds("idle_timeout_seconds"), seconds("max_lifetime_seconds")
}

// longBase64 returns the first thousand or more letters of base64 in a row, with their padding: a JIT configuration. A
// regular expression takes some milliseconds for it, and each simulated machine looks for one.
func longBase64(text string) string {
	const (
		letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		least   = 1000
	)
	for len(text) >= least {
		rest := strings.TrimLeft(text, letters)
		if n := len(text) - len(rest); n >= least {
			padding := 0
			for padding < min(2, len(rest)) && rest[padding] == '=' {
				padding++
			}
			return text[:n+padding]
		}
		next := strings.IndexAny(rest, letters)
		if next < 0 {
			return ""
		}
		text = rest[next:]
	}
	return ""
}

func (s *settings) readOptions(text string) {
	option := func(r *regexp.Regexp) string {
		m := r.FindStringSubmatch(text)
		if m == nil {
			return ""
		}
		return strings.Trim(m[1], `"'`)
	}
	if strings.Contains(text, "--jitconfig") {
		s.jit = longBase64(text)
		return
	}
	s.name, s.token, s.url, s.replace = option(optionName), option(optionKey), option(optionURL),
		strings.Contains(text, "--replace")
	if list := option(optionTags); list != "" {
		s.labels = strings.Split(list, ",")
	}
}
