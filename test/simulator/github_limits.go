package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// GitHub's limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
const (
	defaultHourly   = 5000
	pointsPerMinute = 900
	pointsOfRead    = 1
	pointsOfWrite   = 5
	creationsAMin   = 80
	concurrentCalls = 100
	secondaryWait   = "60"
)

// meter counts what one token has spent.
type meter struct {
	limit, used int
	reset       time.Time
	points      []spent // within the last minute
	creations   []time.Time
}

type spent struct {
	at     time.Time
	points int
}

func (h *hub) meter(token string) *meter {
	if t := h.installationTokens[token]; t != nil { // its tokens share the installation's limit
		token = fmt.Sprint("installation ", t.ID)
	}
	m := h.meters[token]
	if m == nil {
		m = &meter{limit: defaultHourly, reset: h.w.now.Add(time.Hour).Truncate(time.Second)}
		if t := h.token(token); t != nil {
			m.limit, m.used = orInt(t.Limit, defaultHourly), t.Used
		}
		h.meters[token] = m
	}
	if !h.w.now.Before(m.reset) {
		m.used, m.reset = 0, h.w.now.Add(time.Hour).Truncate(time.Second)
	}
	return m
}

// charge counts a call and gives the refusal if it is one too many.
func (h *hub) charge(x *exchange, method, path string) (answer, bool) {
	if h.w.cfg.Unlimited || path == "/rate_limit" {
		return answer{}, true
	}
	token := x.caller
	m := h.meter(token)
	if m.used >= m.limit {
		a := hubError(http.StatusForbidden,
			"API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include the "+
				"request ID.")
		h.limitHeaders(a.header, token)
		return a, false
	}
	points := pointsOfRead
	if method != http.MethodGet && method != http.MethodHead {
		points = pointsOfWrite
	}
	if m.sum(h.w.now)+points > pointsPerMinute || x.crowd > concurrentCalls || (method == http.MethodPost &&
		m.created(h.w.now) >= creationsAMin) {
		a := h.secondaryLimit()
		h.limitHeaders(a.header, token)
		return a, false
	}
	m.used++
	m.points = append(m.points, spent{h.w.now, points})
	if method == http.MethodPost {
		m.creations = append(m.creations, h.w.now)
	}
	return answer{}, true
}

// refund takes a 304 off the hourly limit again; the secondary limits keep it.
func (h *hub) refund(token string) {
	if m := h.meter(token); m.used > 0 {
		m.used--
	}
}

// sum returns the points spent within the last minute.
func (m *meter) sum(now time.Time) int {
	for len(m.points) > 0 && now.Sub(m.points[0].at) >= time.Minute {
		m.points = m.points[1:]
	}
	total := 0
	for _, s := range m.points {
		total += s.points
	}
	return total
}

// created returns the number of creations within the last minute.
func (m *meter) created(now time.Time) int {
	for len(m.creations) > 0 && now.Sub(m.creations[0]) >= time.Minute {
		m.creations = m.creations[1:]
	}
	return len(m.creations)
}

const limitsPage = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"

// secondaryLimit is GitHub's refusal for calls that come too fast, whatever is left of the hour.
func (h *hub) secondaryLimit() answer {
	a := hubErrorAt(http.StatusForbidden,
		"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", limitsPage+
			"#about-secondary-rate-limits")
	a.header.Set("Retry-After", secondaryWait)
	return a
}

// limitHeaders returns a token's limit, as every answer of GitHub does.
func (h *hub) limitHeaders(header http.Header, token string) {
	m := h.meter(token)
	header.Set("X-RateLimit-Limit", strconv.Itoa(m.limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, m.limit-m.used)))
	header.Set("X-RateLimit-Used", strconv.Itoa(m.used))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(m.reset.Add(h.w.cfg.GitHubClock).Unix(), 10))
	header.Set("X-RateLimit-Resource", "core")
}

// enterCall and leaveCall count the calls that a token has under way.
func (h *hub) enterCall(x *exchange) {
	if x.service == serviceGitHub {
		h.active[x.caller]++
		x.crowd = h.active[x.caller]
	}
}

func (h *hub) leaveCall(x *exchange) {
	if x.service == serviceGitHub {
		h.active[x.caller]--
	}
}

// token finds a token that GitHub knows.
func (h *hub) token(value string) *Token {
	for n := range h.w.cfg.Tokens {
		if t := &h.w.cfg.Tokens[n]; t.Value == value && !t.Expired {
			return t
		}
	}
	return nil
}

// bearer is the token of an Authorization header, in either of the two forms that GitHub takes.
func bearer(req *http.Request) string {
	kind, value, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "bearer") || strings.EqualFold(kind, "token") {
		return value
	}
	return ""
}
