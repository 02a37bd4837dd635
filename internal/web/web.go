package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// Limits of a request to a page: the size of its body in bytes, how long that may take to arrive, and how long the page may take to
// be read.
const (
	maxBody      = 64 << 10
	bodyTimeout  = 30 * time.Second
	replyTimeout = 5 * time.Minute
)

//go:embed templates
var templates embed.FS

// Table is the method table, as the pages need it: an *rpc.Table.
type Table interface {
	Call(ctx context.Context, name string, params []any) (any, error)
}

// Config is what the pages show and work with. All of it is needed.
type Config struct {
	Table     Table
	Processes func() []supervisor.Process // in the order of the rows
	Version   string                      // of the Supervisor whose pages these are
	Log       *slog.Logger
	// GetActions tells what a GET may do that asks for an action.
	GetActions config.GetActions
	// TailLimit is how much of a log a page shows that is not told, in bytes (tail_limit).
	TailLimit int
	Look      Look
}

// Look is what users may add to the pages.
type Look struct {
	SoftwareName string   // "" for none
	SoftwareIcon string   // path of an image; "" for none
	CSSFiles     []string // paths of style sheets, applied in their order after ours
}

// New returns the handler of all pages. What it does not know is 404.
func New(c Config) *Pages {
	p := &Pages{Config: c, templates: template.Must(template.ParseFS(templates, "templates/*.html"))}
	p.views = map[string]http.HandlerFunc{"": p.status, "index.html": p.status, "tail.html": p.tail, "ok.html": p.ok}
	p.files = readFiles(time.Now())
	p.frame = p.dress(c.Look)
	return p
}

// Pages are the handler of all pages.
type Pages struct {
	Config
	templates *template.Template
	views     map[string]http.HandlerFunc // by path, without leading slashes
	files     map[string]file             // likewise
	frame     frame
}

// Looks returns the paths of the icon, "" for none, and of the style sheets that users have added, for other pages of the site.
func (p *Pages) Looks() (icon string, styles []string) { return p.frame.Icon, p.frame.Styles }

// ServeHTTP finds the page. As in Supervisor leading slashes do not count, and a method that no page has is 400.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range safety {
		w.Header().Set(name, value)
	}
	path := strings.TrimLeft(r.URL.Path, "/")
	view, isView := p.views[path]
	file, isFile := p.files[path]
	switch {
	case isView && r.Method == http.MethodPost:
		if status := readForm(w, r); status != 0 {
			p.fail(w, status, http.StatusText(status))
			return
		}
		view(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		p.fail(w, http.StatusBadRequest, http.StatusText(http.StatusBadRequest))
	case isView:
		r.ParseForm() // an error drops the parameters that cannot be read
		view(w, r)
	case isFile:
		file.serve(w, r)
	default:
		p.fail(w, http.StatusNotFound, http.StatusText(http.StatusNotFound))
	}
}

// safety are the headers of each answer: a page has nothing but text, and the style and images of this site.
var safety = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Frame-Options":         "DENY", // for browsers that do not know frame-ancestors
	"X-Content-Type-Options":  "nosniff",
	"Referrer-Policy":         "same-origin", // judge needs the Referer of our own pages
}

// readForm reads the parameters of a POST, in which those of the body go before those of the query. It returns the HTTP status that
// refuses the request, or 0.
func readForm(w http.ResponseWriter, r *http.Request) (status int) {
	if r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0 {
		return http.StatusLengthRequired
	}
	// net/http lifts the deadline at the end of the body: the action may take its time. The recorder of a test has no deadlines.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// field returns a parameter of the request: its first value that is not empty.
func field(r *http.Request, name string) string {
	for _, value := range r.Form[name] {
		if value != "" {
			return value
		}
	}
	return ""
}

// ok is for monitors that want to know whether somebody answers.
func (p *Pages) ok(w http.ResponseWriter, r *http.Request) {
	p.send(w, http.StatusOK, "text/plain", []byte("OK"))
}

// show answers with a page.
func (p *Pages) show(w http.ResponseWriter, status int, page string, data any) {
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, page, struct {
		frame
		Page any
	}{p.frame, data}); err != nil {
		p.Log.Error("page cannot be shown", "page", page, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Pragma", "no-cache")
	h.Set("Cache-Control", "no-cache")
	h.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
	p.send(w, status, "text/html;charset=utf-8", body.Bytes())
}

// fail answers with Supervisor's page for what is no page.
func (p *Pages) fail(w http.ResponseWriter, status int, text string) {
	p.show(w, status, "error.html", struct {
		Code int
		Text string
	}{status, text})
}

// send writes an answer that is complete; a client that does not read it is left after a while.
func (p *Pages) send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	deadline := http.NewResponseController(w)
	deadline.SetWriteDeadline(time.Now().Add(replyTimeout))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client has gone: nobody is left to be told
	deadline.SetWriteDeadline(time.Time{})
}
