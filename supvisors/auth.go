package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/rest"
)

// requireLogin lets through who knows user and password; both empty let everybody through. Requests of other nodes are signed
// instead, and checked where they are served. REST clients are told in JSON, all others in text.
func requireLogin(h http.Handler, username, password string, isREST func(path string) bool) http.Handler {
	if username == "" && password == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if gossip.Signed(r) && strings.HasPrefix(r.URL.Path, "/cluster/") || equal(user, username) && passwordFits(pass, password) {
			h.ServeHTTP(w, r)
			return
		}
		if isREST(r.URL.Path) {
			rest.Unauthorized(w)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="default"`)
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
	})
}

// passwordFits compares with a password that is written as it is, or as {SHA} and its SHA-1 in hexadecimal.
func passwordFits(given, configured string) bool {
	if digest, ok := strings.CutPrefix(configured, "{SHA}"); ok {
		sum := sha1.Sum([]byte(given))
		return equal(hex.EncodeToString(sum[:]), strings.ToLower(digest))
	}
	return equal(given, configured)
}

// equal takes as long for any two texts.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
