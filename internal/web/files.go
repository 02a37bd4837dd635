package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"time"
)

//go:embed static
var static embed.FS

// file is what pages are drawn with.
type file struct {
	contentType string
	etag        string
	modified    time.Time
	data        []byte
}

// readFiles returns the embedded files by their path. They have no time of their own: for clients they are as old as the daemon.
func readFiles(modified time.Time) map[string]file {
	files := map[string]file{}
	root, err := fs.Sub(static, "static")
	if err == nil {
		err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(root, name)
			files[name] = newFile(name, data, modified)
			return err
		})
	}
	if err != nil {
		panic("embedded files: " + err.Error()) // the compiler has put them in
	}
	return files
}

// mediaTypes are those of the embedded files: to ask package mime is to have it read the files of the system.
var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".gif": "image/gif", ".png": "image/png"}

func newFile(name string, data []byte, modified time.Time) file {
	sum := sha256.Sum256(data)
	kind, known := mediaTypes[path.Ext(name)]
	if !known {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	return file{kind, `"` + hex.EncodeToString(sum[:8]) + `"`, modified, data}
}

// serve answers with the file, or with 304 when the client has it.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache") // may be kept, but another version of the daemon has others
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.data))
}

// maxLook bounds a file that users add to the pages, in bytes.
const maxLook = 1 << 20

// frame is what users have added to all pages. The paths are relative.
type frame struct {
	Software string
	Icon     string // "" without one
	Styles   []string
}

// dress reads the files of the look, once, and gives them places among ours. One that cannot be read is left out.
func (p *Pages) dress(look Look) frame {
	f := frame{Software: look.SoftwareName}
	if look.SoftwareIcon != "" {
		name := "images/software" + path.Ext(look.SoftwareIcon)
		if p.addFile(name, look.SoftwareIcon) {
			f.Icon = name
		}
	}
	for i, file := range look.CSSFiles {
		name := fmt.Sprintf("stylesheets/user%d.css", i+1)
		if p.addFile(name, file) {
			f.Styles = append(f.Styles, name)
		}
	}
	return f
}

func (p *Pages) addFile(name, path string) bool {
	data, err := readLimited(path)
	if err != nil {
		p.Log.Warn("file is left out of the pages", "file", path, "error", err)
		return false
	}
	p.files[name] = newFile(name, data, time.Now())
	return true
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLook+1))
	if err == nil && len(data) > maxLook {
		err = fmt.Errorf("it is larger than %d bytes", maxLook)
	}
	return data, err
}
