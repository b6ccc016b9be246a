package bootstrap_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// TestKeptTag: a machine whose runner has ended stays until the time in its tag, or for its own limit if there is no
// tag or an invalid one.
func TestKeptTag(t *testing.T) {
	t.Parallel()
	const (
		read   = `egr_get_metadata() { date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ; }` + "\n"
		text   = "egr_get_metadata() { echo '$1'; }\n"
		absent = "egr_get_metadata() { return 22; }\n"
		fails  = "egr_get_metadata() { return 28; }\n"
	)
	at := func(when string) string { return strings.ReplaceAll(read, "$1", when) }
	says := func(what string) string { return strings.ReplaceAll(text, "$1", what) }
	// look is one check by the watchdog, after the runner has been over for that many seconds.
	look := func(seconds string) string {
		return "EGR_UPTIME=$((EGR_UPTIME + 11)); egr_is_over_limit egr_keep_ended_seconds " + seconds +
			" && echo over || echo stays\n"
	}
	for name, c := range map[string]struct{ script, want string }{
		"no tag, before the limit":       {absent + look(`3599`), "stays"},
		"no tag, at the limit":           {absent + look(`3600`), "over"},
		"a time to come":                 {at("+1 minute") + look(`3599`), "stays"},
		"a time to come after the limit": {at("+1 minute") + look(`9000`), "stays"},
		"a time that is over":            {at("-1 minute") + look(`5`), "over"},
		"now":                            {at("now") + look(`1`), "over"},
		"an hour is the most":            {at("+1 hour") + look(`9000`), "stays"},
		"a far time is nobody's":         {at("+1 day") + look(`3600`), "over"},
		"no time":                        {says("soon") + look(`3599`) + look(`3600`), "stays over"},
		"much like one":                  {says("2026-13-77T99:99:99Z") + look(`3599`) + look(`3600`), "stays over"},
		"an expression":                  {says("20$(reboot)Z") + look(`3599`), "stays"},
		"empty":                          {says("") + look(`3599`) + look(`3600`), "stays over"},
		"it is taken away":               {at("-1 minute") + look(`5`) + absent + look(`6`), "over stays"},
		"it is changed":                  {at("-1 minute") + look(`5`) + at("+1 minute") + look(`6`), "over stays"},
		"what cannot be read stays": {at("+5 minutes") + look(`3599`) + fails + look(`3610`) + look(`4000`),
			"stays stays over"},
		"nobody asks more often than every ten seconds": {at("+1 minute") + look(`5`) + at("-1 minute") +
			"EGR_UPTIME=$((EGR_UPTIME - 5))\n" + strings.Replace(look(`6`), "+ 11", "+ 1", 1), "stays stays"},
		"other limits are as they were": {at("-1 minute") +
			"egr_idle=5; egr_is_over_limit egr_idle 4 && echo over || echo stays\n", "stays"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.Command("bash", "-c", bootstrap.Chapters("watch", "kept")+
				"egr_keep_ended_seconds=3600\n"+c.script)
			command.Stderr = nil
			out, err := command.Output()
			if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != c.want {
				t.Errorf("%v: %q, want %q", err, got, c.want)
			}
		})
	}
	t.Run("without a limit only the tag ends it", func(t *testing.T) {
		t.Parallel()
		out, err := exec.Command("bash", "-c", bootstrap.Chapters("watch", "kept")+absent+look(`999999`)+
			at("-1 minute")+look(`999999`)).Output()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != "stays over" {
			t.Errorf("%v: %q", err, got)
		}
	})
}
