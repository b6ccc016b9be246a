package bootstrap

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// UserData returns the machine's user data, gzip-compressed and before base64: at most Limit bytes, and the same bytes
// for the same Spec, since a retry with the same ClientToken must send the same parameters. If a long script needs the
// room, dispensable chapters are left out (downloads are not resumed, an outdated runner is not replaced, failures are
// described less). If it is still too long, the error is a *TooLargeError.
func (s Spec) UserData() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	for _, tight := range []bool{false, true} {
		data := compress(s.plain(tight))
		if len(data) <= Limit {
			return data, nil
		}
	}
	return nil, s.tooLarge()
}

// script is user data before compression, divided into parts that compress differently: the JIT configuration with the
// first lines, values and code, and the user's texts.
type script struct{ jit, code, texts []byte }

func (s Spec) plain(tight bool) script {
	texts, index := s.texts()
	var jit, code bytes.Buffer
	jit.WriteString(head)
	s.JITConfig = withoutUpdate(s.JITConfig)
	if plainWord.MatchString(s.JITConfig) {
		// A second layer of base64 would not compress.
		jit.WriteString("jit_config=" + s.JITConfig + "\n")
	}
	writeValues(&code, s.secrets())
	code.WriteString("# end of secrets\n")
	if !tight {
		code.WriteString("# " + Source + "\n")
	}
	writeValues(&code, s.values())
	code.WriteString(index)
	code.WriteString("# end of values\n")
	code.WriteString(s.code(tight))
	return script{jit.Bytes(), code.Bytes(), texts}
}

// values returns the values. Their keys are relied on by readers of user data, such as the simulator's machines. Empty
// and false values are left out: bash treats unset variables the same.
func (s Spec) values() []Value {
	list := []Value{
		{"warm", trueOrEmpty(s.Warm)},
		{"other", s.OtherName},
		{"name", s.Name},
		{"name_by_index", trueOrEmpty(s.NameByIndex)},
		{"labels", strings.Join(s.Labels, ",")},
		{"url", s.URL},
		{"group", s.Group},
		{"home_dir", s.HomeDir},
		{"user", s.User},
		{"service", trueOrEmpty(s.Service && !s.Warm)},
		{"debug", trueOrEmpty(s.Debug)},
		{"job_report", trueOrEmpty(reports(s))},
		{"minimum_version", s.minimumVersion()},
		{"ephemeral", trueOrEmpty(s.Ephemeral)},
		{"single_use", trueOrEmpty(s.Ephemeral || s.JITConfig != "")},
		{"registration_timeout_seconds", seconds(s.RegistrationTimeout)},
		{"idle_timeout_seconds", seconds(s.IdleTimeout)},
		{"max_lifetime_seconds", seconds(s.MaxLifetime)},
		{"max_lifetime_hard", trueOrEmpty(s.MaxLifetimeHard)},
		{"keep_failed_seconds", seconds(s.KeepFailed)},
		{"keep_ended_seconds", seconds(s.keepEnded())},
	}
	return slices.DeleteFunc(list, func(v Value) bool { return v.Value == "" })
}

// secrets returns the values that the machine stores separately and removes once they are used.
func (s Spec) secrets() []Value {
	plain := plainWord.MatchString(s.JITConfig)
	var list []Value
	// There is always a secret first: images made by mode bake recognise this user data by it (ami/recipes/early.sh).
	if s.Token != "" || !plain {
		list = append(list, Value{"token", s.Token})
	}
	if s.DownloadToken != "" {
		list = append(list, Value{"download_token", s.DownloadToken})
	}
	if s.JITConfig != "" && !plain {
		list = append(list, Value{"jit", s.JITConfig})
	}
	return list
}

// minimumVersion returns the oldest accepted version, "" for GitHub Enterprise Server, which accepts older runners.
func (s Spec) minimumVersion() string {
	if strings.HasPrefix(s.URL, "https://github.com/") {
		return MinimumVersion
	}
	return ""
}

// trueOrEmpty returns "true" or "".
func trueOrEmpty(yes bool) string {
	if yes {
		return "true"
	}
	return ""
}

// keepEnded returns how long the machine stays after its runner: at least a second if it ends with its runner, 0 if it
// does not.
func (s Spec) keepEnded() time.Duration {
	if s.Ephemeral && s.KeepEnded == 0 {
		return time.Second
	}
	return s.KeepEnded
}

// seconds returns whole seconds, or "" for 0.
func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9+/=_-]+$`)

// softwareLines returns the lines that egr_choose_download reads: architecture, checksum or "-", version, address.
func (s Spec) softwareLines() string {
	var b strings.Builder
	for _, one := range s.Software {
		sum := cmp.Or(strings.ToLower(one.SHA256), "-")
		fmt.Fprintf(&b, "%s %s %s %s\n", one.Architecture, sum, one.Version, one.URL)
	}
	return b.String()
}

// texts returns the texts. Those that are used once on a machine come last and also form the part "once", whose
// checksum records that they were used.
func (s Spec) texts() (texts []byte, index string) {
	once := []Text{
		{"certificates", s.CACertificates},
		{"packages", strings.Join(append(slices.Clone(s.Packages), ""), "\x00")},
		{"setup_script", strings.ReplaceAll(s.SetupScript, "\r\n", "\n")},
	}
	texts, index = join(append([]Text{
		{"script", strings.ReplaceAll(s.PreRunnerScript, "\r\n", "\n")},
		{"software", s.softwareLines()},
	}, once...))
	if all, _ := join(once); len(all) > 0 {
		index += fmt.Sprintf("part_once='%d %[1]d cat'\n", len(all))
	}
	return texts, index
}
