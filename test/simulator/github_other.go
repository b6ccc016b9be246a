package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// sumOf is a checksum that goes with a name: the world has no tarballs.
func sumOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// rateLimit: https://docs.github.com/rest/rate-limit/rate-limit
func rateLimit(call *hubCall) answer {
	m := call.meter(call.x.caller)
	core := map[string]any{"limit": m.limit, "used": m.used, "remaining": max(0, m.limit-m.used),
		"reset": m.reset.Unix()}
	search := map[string]any{"limit": 30, "used": 0, "remaining": 30, "reset": m.reset.Unix()}
	return hubJSON(http.StatusOK, map[string]any{"resources": map[string]any{"core": core, "search": search},
		"rate": core})
}
