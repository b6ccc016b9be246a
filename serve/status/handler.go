package status

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// textPlain is the form of answers for programs.
const textPlain = "text/plain; charset=utf-8"

// Handler answers with what snapshot says at that moment:
//
//	/         the page
//	/metrics  for Prometheus
//	/healthz  200 while the process runs: for liveness
//	/readyz   200 while every set is listened to, here or, for a standby, by another process; 503 names the others, or
//	          says that no look has seen all machines yet, without which none is launched
//
// The page and the metrics are refused for a host that is not known. Checks of health answer every host, /readyz then
// without the sets' names: load balancers ask by names of their own.
func Handler(snapshot func() Snapshot, m *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", forKnownHosts(snapshot, func(w http.ResponseWriter, s Snapshot) {
		// The page runs no script and loads nothing, whatever the texts of others on it are.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "+
			"form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		answer(w, "text/html; charset=utf-8", http.StatusOK, page(s))
	}))
	mux.HandleFunc("GET /metrics", forKnownHosts(snapshot, func(w http.ResponseWriter, s Snapshot) {
		var text strings.Builder
		m.Write(&text, s)
		answer(w, "text/plain; version=0.0.4; charset=utf-8", http.StatusOK, text.String())
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, textPlain, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		s := snapshot()
		ready, text := readiness(s)
		code, short := http.StatusOK, "ready\n"
		if !ready {
			code, short = http.StatusServiceUnavailable, notReady
		}
		if !isKnownHost(r.Host, s.Hosts) {
			text = short
		}
		answer(w, textPlain, code, text)
	})
	return mux
}

// forKnownHosts shows a snapshot to those who ask for a host that is known.
func forKnownHosts(snapshot func() Snapshot, show func(http.ResponseWriter, Snapshot)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := snapshot()
		if !isKnownHost(r.Host, s.Hosts) {
			refuseHost(w)
			return
		}
		show(w, s)
	}
}

func answer(w http.ResponseWriter, form string, code int, text string) {
	w.Header().Set("Content-Type", form)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}

const notReady = "not ready\n"

// readiness says whether every set is listened to. A standby is ready: it is as it should be, and does its work when
// the other process ends.
func readiness(s Snapshot) (ready bool, text string) {
	listening, standby := 0, 0
	var missing strings.Builder
	for _, set := range s.Sets {
		switch {
		case set.Session == Listening:
			listening++
		case set.Session == Standby:
			standby++
		case set.Removed:
		default:
			fmt.Fprintf(&missing, "set %s is %s", set.Name, set.Session)
			if set.Problem != "" {
				missing.WriteString(": " + oneLine(set.Problem))
			}
			missing.WriteString("\n")
		}
	}
	if s.Looked.IsZero() {
		missing.WriteString(strings.TrimSuffix("EC2 and GitHub have not shown all machines yet: "+oneLine(s.Unseen),
			": ") +
			"\n")
	}
	if missing.Len() > 0 {
		return false, notReady + missing.String()
	}
	switch {
	case standby == 0:
		return true, fmt.Sprintf("ready: listening to %s\n", sets(listening))
	case listening == 0:
		return true, fmt.Sprintf("standby: another process listens to %s\n", sets(standby))
	}
	return true, fmt.Sprintf("ready: listening to %s; standby: another process listens to %s\n", sets(listening),
		sets(standby))
}

func sets(n int) string {
	if n == 1 {
		return "1 set"
	}
	return fmt.Sprintf("%d sets", n)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
