package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
)

// verdict is what is known of the page that asks for an action, from good to bad.
type verdict int

const (
	own     verdict = iota // one of ours, the user's own typing, or no browser
	unknown                // a browser, and it does not tell, or nobody looks at it yet
	foreign                // of another site
)

// judge is the verdict on a request for an action, as legacy_get_actions wants it for a GET.
func (p *Pages) judge(r *http.Request) verdict {
	if r.Method == http.MethodPost {
		return judge(r)
	}
	switch p.GetActions {
	case config.AllowActions:
		return own
	case config.DenyActions:
		return max(judge(r), unknown)
	}
	return judge(r)
}

// judge tells where a request for an action comes from. Supervisor's actions are plain links, which any page anywhere may put into
// an image: only the browser knows whose page that is. Newer ones tell it in Sec-Fetch-Site, but over plain http only to this
// machine; all tell it in Origin when they post, and most in Referer else. A browser that tells nothing may be on a page that makes
// it silent. Other programs follow nobody's links.
func judge(r *http.Request) verdict {
	if r.Header.Get("Sec-Purpose") != "" {
		return unknown // fetched in case the user goes there
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return own
	case "":
	default:
		return foreign
	}
	for _, name := range []string{"Origin", "Referer"} {
		source := r.Header.Get(name)
		if source == "" {
			continue
		}
		// an origin that is to be hidden is the word null, which has no host
		if u, err := url.Parse(source); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
			return own
		}
		return foreign
	}
	if r.Method != http.MethodPost && strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		return unknown
	}
	return own
}
