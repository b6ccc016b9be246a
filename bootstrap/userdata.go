package bootstrap

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// UserData is the machine's user data, before base64 and gzip-compressed: at most Limit bytes, and the
// same bytes for the same Spec, since a retry with the same ClientToken must send the same. If it would
// be longer the error is a *TooLargeError.
func (s Spec) UserData() ([]byte, error) {
	plain, err := s.plain()
	if err != nil {
		return nil, err
	}
	data, err := compress(plain)
	if err != nil {
		return nil, fmt.Errorf("compress user data: %w", err)
	}
	if len(data) > Limit {
		return nil, s.tooLarge(len(data))
	}
	return data, nil
}

// script is user data before compression, in the parts that compress differently.
type script struct{ head, code, texts []byte }

func (s Spec) plain() (script, error) {
	if err := s.check(); err != nil {
		return script{}, err
	}
	texts, index := s.texts()
	var head bytes.Buffer
	// cloud-init cuts its own mark off; what is left is an ordinary script.
	head.WriteString("#cloud-boothook\n#!/bin/bash\n# What runs here: https://github.com/marqo-ai/ec2-github-runner/tree/main/bootstrap/shell\n")
	for _, v := range s.values() {
		fmt.Fprintf(&head, "egr_%s=%s\n", v.key, base64.StdEncoding.EncodeToString([]byte(v.value)))
	}
	if s.JITConfig != "" {
		head.WriteString(s.jitLine())
	}
	head.WriteString(index)
	head.WriteString("# end of values\n")
	return script{head.Bytes(), []byte(s.code()), texts}, nil
}

type value struct{ key, value string }

// values are the small ones. Their keys are a contract: whoever reads user data (the simulator's
// machines do) relies on them.
func (s Spec) values() []value {
	return []value{
		{"name", s.Name},
		{"name_by_index", strconv.FormatBool(s.NameByIndex)},
		{"labels", strings.Join(s.Labels, ",")},
		{"url", s.URL},
		{"registration", s.registration()},
		{"token", s.Token},
		{"home_dir", s.HomeDir},
		{"user", s.User},
		{"service", strconv.FormatBool(s.Service)},
		{"debug", strconv.FormatBool(s.Debug)},
		{"software", s.softwareLines()},
		{"download_token", s.DownloadToken},
		{"minimum_version", MinimumVersion},
		{"ephemeral", strconv.FormatBool(s.Ephemeral)},
		{"registration_timeout_seconds", seconds(s.RegistrationTimeout)},
		{"idle_timeout_seconds", seconds(s.IdleTimeout)},
		{"max_lifetime_seconds", seconds(s.MaxLifetime)},
		{"max_lifetime_hard", strconv.FormatBool(s.MaxLifetimeHard)},
		{"keep_failed_seconds", seconds(s.KeepFailed)},
	}
}

func (s Spec) registration() string {
	if s.Token == "" {
		return "jit"
	}
	return "token"
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9+/=_-]+$`)

// jitLine carries the JIT configuration as it is, since it is base64 already and a second layer would
// not compress; anything else goes as a value.
func (s Spec) jitLine() string {
	if plainWord.MatchString(s.JITConfig) {
		return "jit_config=" + s.JITConfig + "\n"
	}
	return "egr_jit=" + base64.StdEncoding.EncodeToString([]byte(s.JITConfig)) + "\n"
}

// softwareLines are read by egr_choose: architecture, checksum or "-", version, address.
func (s Spec) softwareLines() string {
	var b strings.Builder
	for _, one := range s.Software {
		sum := strings.ToLower(one.SHA256)
		if sum == "" {
			sum = "-"
		}
		fmt.Fprintf(&b, "%s %s %s %s\n", one.Architecture, sum, one.Version, one.URL)
	}
	return b.String()
}

// texts are the big ones, one behind the other, with an index: lines `part_NAME='FROM LENGTH DECODER'`
// where FROM counts bytes from the end of the user data.
func (s Spec) texts() (texts []byte, index string) {
	parts := []struct{ name, text, decoder string }{
		{"packages", strings.Join(append(slices.Clone(s.Packages), ""), "\x00"), "cat"},
		{"script", strings.ReplaceAll(s.PreRunnerScript, "\r\n", "\n"), "cat"},
		{"certificates", s.CACertificates, "cat"},
	}
	total := 0
	for i := range parts {
		p := &parts[i]
		p.text, p.decoder = travelling(p.text)
		total += len(p.text)
	}
	var b bytes.Buffer
	var lines strings.Builder
	for _, p := range parts {
		if p.text == "" {
			fmt.Fprintf(&lines, "part_%s=\n", p.name)
			continue
		}
		fmt.Fprintf(&lines, "part_%s='%d %d %s'\n", p.name, total-b.Len(), len(p.text), p.decoder)
		b.WriteString(p.text)
	}
	return b.Bytes(), lines.String()
}

// travelling gives a text the form in which cloud-init hands it on byte for byte, and the command that
// undoes it: cloud-init decodes user data as UTF-8 and writes it again, and shells do not read NUL.
func travelling(text string) (wire, decoder string) {
	lines := strings.ReplaceAll(text, "\x00", "\n")
	switch {
	case !utf8.ValidString(text):
	case lines == text:
		return text, "cat"
	case !strings.Contains(text, "\n"):
		return lines, `tr \n \0`
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), "base64 -d"
}

// compress is gzip without a time, so that it is deterministic. Code and the user's texts have letters
// of different frequency: tables of their own, where that is shorter.
func compress(s script) ([]byte, error) {
	var best []byte
	for _, split := range []bool{false, true} {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		for _, part := range [][]byte{s.head, s.code, s.texts} {
			if _, err := w.Write(part); err != nil {
				return nil, err
			}
			if split {
				if err := w.Flush(); err != nil {
					return nil, err
				}
			}
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		if best == nil || b.Len() < len(best) {
			best = b.Bytes()
		}
	}
	return best, nil
}
