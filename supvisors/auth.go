package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rpc"
)

// requireLogin lets through who may log in, everybody without a user name. Requests of other nodes are signed instead, and checked where
// they are served. REST clients are told in JSON, all others in text.
func requireLogin(h http.Handler, l config.Login, isREST func(path string) bool) http.Handler {
	if l.Username == "" && l.Password == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		ofPeers := strings.HasPrefix(r.URL.Path, "/cluster/")
		switch {
		case gossip.Signed(r) && ofPeers, fits(user, password, l.Username, l.Password):
			h.ServeHTTP(w, r)
			return
		case l.ReadOnlyUsername != "" && !ofPeers && fits(user, password, l.ReadOnlyUsername, l.ReadOnlyPassword):
			h.ServeHTTP(w, r.WithContext(rpc.WithAccess(r.Context(), rpc.Read)))
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

// fits compares what was given with a user that is configured.
func fits(user, password, username, configured string) bool {
	return equal(user, username) && passwordFits(password, configured)
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
